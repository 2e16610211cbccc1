"""Imports: from an archive to a dataset. Collections: `import_shards`, `findings` (jobs are in `import_jobs`).

Routes: POST /datasets/import, GET …/{job_id}/status|events|report, WS …/{job_id}/ws,
POST …/{job_id}/pause|resume|cancel|retry, POST /datasets/{dataset}/verify.
Jobs: `import`; `verify`, in `verification`; `version`, in `versions`.
The road: service (start) → queue → running.dispatch → running.runner (planning.plan, over sources; then steps.index,
steps.transfer, steps.finish) → running.cleanup. docs/architecture.md says what is in which folder.
"""
