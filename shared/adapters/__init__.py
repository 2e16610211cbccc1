"""The only code that imports a given SDK; one folder per port, one file per technology."""
