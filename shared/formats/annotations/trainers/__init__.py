"""What trainers make of a label file, release by release: tables of what was observed when they were run."""
