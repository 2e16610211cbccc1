"""A dataset: its name, categories, splits, exact statistics, history. Collections: `datasets`, `versions`.

Routes: GET /datasets, GET|PATCH|DELETE /datasets/{id}, …/statistics, …/categories. Jobs: none of its own.
"""
