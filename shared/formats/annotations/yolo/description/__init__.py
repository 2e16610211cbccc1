"""What a dataset says of itself: `data.yaml`, Darknet's `obj.data`, files of category names. No path is opened."""
