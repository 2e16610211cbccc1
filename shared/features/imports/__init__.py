"""Imports: from an archive to a dataset. Collections: `import_shards`, `findings` (jobs are in `import_jobs`).

Routes: POST /datasets/import, GET …/{job_id}/status|events|report, WS …/{job_id}/ws,
POST …/{job_id}/pause|resume|cancel|retry, POST /datasets/{dataset}/verify.
Jobs: `import`, `verify`; `version`, below `versions`.
The road: service (start) → queue → dispatch → runner (plan → index → transfer → finish) → cleanup.
"""
