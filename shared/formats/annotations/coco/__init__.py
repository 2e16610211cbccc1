"""COCO datasets: JSON files that list images, categories and annotations, each in an array of its own."""
