"""How many categories a dataset may name, and how long names may be: one limit for the descriptions of all formats."""

MAX_CATEGORIES = 100_000
MAX_NAME_CHARACTERS = 1_000
