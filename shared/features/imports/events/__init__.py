"""The live story of an import, from changes in the database to the streams of its readers (ADR 18).

Routes: GET …/{job_id}/events, WS …/{job_id}/ws.
"""
