"""Fixes of what rules find: which a rule allows, and what each makes of annotations and of rows that were left out."""
