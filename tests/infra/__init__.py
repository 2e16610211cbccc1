"""Terraform, run here without Google: a stand-in for the provider with the real one's schema, and what comes of it."""
