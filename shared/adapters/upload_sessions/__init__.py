"""Where uploads are sent: straight to a bucket, or to a folder through the API."""
