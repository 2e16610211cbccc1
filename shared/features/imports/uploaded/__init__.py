"""What becomes of uploads: their import is started once, and what is not needed any more is removed."""
