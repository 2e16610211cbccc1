"""Where images and labels lie, by a description or by names alone: paths, splits, pairs, categories."""
