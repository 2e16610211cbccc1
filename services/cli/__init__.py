"""The `datayard` command: a client of a running yard, and `up`, which runs a whole yard on one laptop."""
