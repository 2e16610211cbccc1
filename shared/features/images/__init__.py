"""Images with their annotations embedded. Collection: `images`.

Routes: GET /datasets/{id}/images, …/{image_id}, …/file, …/labels. Jobs: none of its own.
"""
