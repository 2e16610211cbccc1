"""What has no product meaning and is used by two drawers or more."""
