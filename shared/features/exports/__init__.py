"""Exports: a dataset's version as files of a format. Collections: `exports`, `jobs`.

Routes: POST|GET /datasets/{dataset}/exports, GET|DELETE …/{export_id}, GET …/{export_id}/file. Jobs: `export`.
The road: service (ask) → queue → dispatch → runner (builder: walk images, write pieces and an index) → reader (serve).
"""
