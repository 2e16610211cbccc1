"""Imports: from an archive to a dataset. Collections: `import_shards`, `findings` (jobs are in `import_jobs`).

Routes: POST /datasets/import, GET …/{job_id}/status|report, POST …/{job_id}/cancel|retry. Jobs: `import`.
The road: service (start) → queue → service (dispatch) → runner (plan → transfer → finish) → cleanup.
"""
