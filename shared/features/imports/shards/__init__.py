"""What a shard consists of, how its members and labels are read, and what a claimer notes while it works on one."""
