"""A dataset: its name, categories, splits and exact statistics. Collection: `datasets`.

Routes: GET /datasets, GET|PATCH|DELETE /datasets/{id}, …/statistics, …/categories. Jobs: none of its own.
"""
