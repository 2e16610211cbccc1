"""Implementations of ports/job_launcher.py."""
