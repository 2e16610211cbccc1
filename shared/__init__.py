"""What every deployable shares: wiring over features and adapters, over ports, formats and foundation."""
