"""The JSON of the contract: what goes out, made from what the features return."""
