"""Image files read from their first bytes: format, size and orientation, without decoding a pixel."""
