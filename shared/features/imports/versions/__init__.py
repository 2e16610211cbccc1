"""Jobs that make versions: fixes over the published one, or an older one brought back.

Routes: GET|POST /datasets/{id}/versions, POST …/rollback. Jobs: `version`.
The road: service (start) → queue → runner: planner → shards → finish. What fails is given up by cleanup.
"""
