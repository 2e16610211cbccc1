"""Where settings become adapters, and clients become repositories and services. Only a `main` calls this."""
