"""Calls of the machines' door that have been answered, so that none is taken twice. Collection: `calls`."""
