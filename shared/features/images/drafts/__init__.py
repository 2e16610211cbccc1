"""Versions of images while a job makes them: what changes is written beside what is there, and counts later."""
