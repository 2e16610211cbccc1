"""Archives as bytes in, members out: zip directories and members, tar streams, and the table of what was accepted."""
