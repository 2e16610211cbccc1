# Small, cheap, and easy to throw away. The project, who may call, and mongo_url come from the one who applies.

environment         = "dev"
region              = "europe-west1"
deletion_protection = false

api    = { min_instances = 0, max_instances = 2 }
ingest = { min_instances = 0, max_instances = 2 }
worker = { tasks = 2, max_retries = 1 }

bucket = {
  versioning      = false
  noncurrent_days = 1
}

alerts = {
  storage_bytes = 107374182400 # 100 GiB
}
