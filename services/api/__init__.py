"""The people's door: the HTTP API."""
