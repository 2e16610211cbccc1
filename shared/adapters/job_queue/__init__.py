"""Implementations of ports/job_queue.py."""
