"""Images of a dataset with the same bytes: what shards note of contents, and what is found in the notes of all."""
