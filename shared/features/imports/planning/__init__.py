"""The first step of an import: recognise the dataset, choose the way, cut the archive into shards."""
