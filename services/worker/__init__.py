"""The heavy lifting: one process claims shards of jobs. As a Celery worker, or `python -m services.worker JOB_ID`."""
