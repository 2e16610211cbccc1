"""Writers of annotation formats: from images and annotations to the bytes of files. One module for each format."""
