"""One file per caller."""
