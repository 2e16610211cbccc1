"""The pixels that an image may claim before trainers refuse it as a bomb, and we report it."""

MOST_PIXELS = 178_956_970
"""Twice what Pillow warns of; beyond it refuses to open an image."""
