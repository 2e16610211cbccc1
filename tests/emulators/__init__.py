"""Google Cloud services on the loopback, on the real generated types over real gRPC. Each module says what it lacks."""
