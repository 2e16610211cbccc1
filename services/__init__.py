"""The deployables: api, ingest, worker, and the command line above them."""
