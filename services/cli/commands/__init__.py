"""One file a command: its options and help, and one call to what does the work."""
