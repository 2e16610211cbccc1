"""Work that outlives a request. Collections: `import_jobs` now, `jobs` for later kinds, by the same repository.

Routes: GET /jobs. A job document is the truth about its job; queues carry only its id.
"""
