"""YOLO datasets: descriptions, layouts, and the rows of label files."""
