"""Reading every image of a packed dataset once. Routes: POST /datasets/{dataset}/verify. Jobs: `verify`."""
