"""Dry runs of imports: what one would find in a source and make of it; `datayard check`, and the plan of an import."""
