"""Implementations of ports/byte_source.py."""
