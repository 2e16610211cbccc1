"""Images that look nearly the same: what shards note of them, the search in the notes of all, and what is said."""
