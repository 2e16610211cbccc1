# Always there, and slow to forget. The project, who may call, whom to alert, and mongo_url come from the one who applies.

environment         = "prod"
region              = "europe-west1"
deletion_protection = true

api = {
  min_instances = 2
  max_instances = 20
  cpu           = "2"
  memory        = "2Gi"
}

ingest = {
  min_instances = 1
  max_instances = 10
}

worker = {
  tasks  = 16
  cpu    = "4"
  memory = "4Gi"
}

bucket = {
  versioning       = true
  noncurrent_days  = 30
  soft_delete_days = 14
}

# The database admits the addresses of the NAT only (output egress_addresses).
network = {
  cidr      = "10.10.0.0/22" # an instance takes up to two addresses
  addresses = 2
}
