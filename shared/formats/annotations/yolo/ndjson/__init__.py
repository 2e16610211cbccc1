"""NDJSON as Ultralytics' platform exports it: a line about the dataset, then one for each image with its labels."""
