"""Uploads: archives that are sent to us, whole or in the end not at all. Collection: `uploads`.

Routes: POST /uploads/archive, GET|DELETE …/{upload_id}, PUT|DELETE …/{upload_id}/session. Jobs: none.
What is made of a whole one is decided above, in `imports/uploaded`.
"""
