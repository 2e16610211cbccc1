"""One file per feature, named as the feature."""
