"""From the addresses of a request to bytes: each is checked and opened, as an archive, a folder or parts in a row."""
