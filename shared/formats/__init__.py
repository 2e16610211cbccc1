"""Published file formats: bytes in, values out. No network, no database, no clock."""
