"""Implementations of ports/object_store.py."""
