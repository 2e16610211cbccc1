"""What is said of the whole dataset, beyond the findings of one label: by its counts, equal contents and trainers.

And what becomes of findings: whether they stop a strict import, and how reports show them.
"""
