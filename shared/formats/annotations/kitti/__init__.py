"""The object detection benchmark of KITTI, and trees made in its image."""
