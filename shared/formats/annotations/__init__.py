"""Annotation formats: each reader turns a dataset's members into a layout, and its label files into annotations."""
