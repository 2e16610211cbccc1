"""Label files: their lines, what a row may look like, which rows are kept, and what is said of them."""
