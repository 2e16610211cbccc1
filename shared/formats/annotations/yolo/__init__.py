"""YOLO datasets: what they say of themselves, where images and labels lie, the rows of label files, and NDJSON."""
