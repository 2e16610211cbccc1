"""Images with their annotations embedded, of every version. Collection: `images`; `drafts` writes later versions.

Routes: GET /datasets/{id}/images, …/{image_id}, …/file, …/labels. Jobs: none of its own.
"""
