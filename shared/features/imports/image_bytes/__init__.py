"""The bytes of one image: measured by its head or read through, decoded if asked, and kept in the object store."""
