# Everything a yard is made of, for a fresh project, in one apply. docs/cloud.md says how.

locals {
  # Named here, not read from the resources: settings of one service name others that are not there yet.
  names = {
    api     = "${var.name}-api"
    ingest  = "${var.name}-ingest"
    worker  = "${var.name}-worker"
    migrate = "${var.name}-migrate"
    queue   = "${var.name}-jobs"
    bucket  = coalesce(var.bucket.name, "${var.project_id}-${var.name}")
  }
  bucket_location = coalesce(var.bucket.location, var.region)

  services = toset(concat(
    [
      "artifactregistry.googleapis.com", "cloudbuild.googleapis.com", "cloudscheduler.googleapis.com",
      "cloudtasks.googleapis.com", "eventarc.googleapis.com", "iam.googleapis.com", "iamcredentials.googleapis.com",
      "logging.googleapis.com", "monitoring.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com",
      "secretmanager.googleapis.com", "storage.googleapis.com",
    ],
    var.network == null ? [] : ["compute.googleapis.com"],
    var.kms_key == null ? [] : ["cloudkms.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
  ))

  placeholders = {
    service = "us-docker.pkg.dev/cloudrun/container/hello:latest"
    job     = "us-docker.pkg.dev/cloudrun/container/job:latest"
  }
  images = {
    api    = coalesce(var.images.api, local.placeholders.service)
    ingest = coalesce(var.images.ingest, local.placeholders.service)
    worker = coalesce(var.images.worker, local.placeholders.job)
  }
}

data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "this" {
  for_each           = local.services
  project            = var.project_id
  service            = each.value
  disable_on_destroy = false
}

# A service that was just enabled refuses calls for a moment.
resource "time_sleep" "services" {
  create_duration = "60s"
  triggers        = { services = join(",", sort([for service in google_project_service.this : service.service])) }
}

# -- where images are

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: images hold no data of anybody; kms_key is for objects
  project       = var.project_id
  location      = var.region
  repository_id = var.name
  description   = "Images of the services, by digest."
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "newest-stay"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "old-go"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [time_sleep.services]
}

# -- what data are in

module "bucket" {
  source = "./modules/bucket"

  project_id       = var.project_id
  name             = local.names.bucket
  location         = local.bucket_location
  versioning       = var.bucket.versioning
  temp_days        = var.bucket.temp_days
  noncurrent_days  = var.bucket.noncurrent_days
  soft_delete_days = var.bucket.soft_delete_days
  cors_origins     = var.bucket.cors_origins
  kms_key          = var.kms_key

  depends_on = [time_sleep.services]
}

module "mongo_secret" {
  source = "./modules/secrets"

  project_id    = var.project_id
  region        = var.region
  name          = "${var.name}-mongo-url"
  value         = var.mongo_url
  value_version = var.mongo_url_version
  readers       = { for account in local.database_users : account => local.members[account] }

  depends_on = [time_sleep.services]
}

module "queue" {
  source = "./modules/task_queue"

  project_id = var.project_id
  name       = local.names.queue
  region     = var.region
  policy     = var.queue

  depends_on = [time_sleep.services]
}

# -- what runs

module "api" {
  source = "./modules/run_service"

  project_id          = var.project_id
  name                = local.names.api
  region              = var.region
  image               = local.images.api
  service_account     = google_service_account.this["api"].email
  settings            = local.settings_of_api
  secrets             = local.secrets
  invokers            = { for member in var.api_invokers : member => member }
  min_instances       = var.api.min_instances
  max_instances       = var.api.max_instances
  concurrency         = var.api.concurrency
  cpu                 = var.api.cpu
  memory              = var.api.memory
  timeout_seconds     = var.api.timeout_seconds
  startup_path        = "/health/ready"
  network             = local.network
  deletion_protection = var.deletion_protection

  # What it asks for before it is ready.
  depends_on = [
    google_storage_bucket_iam_member.objects, google_cloud_tasks_queue_iam_member.status, time_sleep.services,
  ]
}

module "ingest" {
  source = "./modules/function"

  project_id           = var.project_id
  name                 = local.names.ingest
  region               = var.region
  url                  = local.ingest_url
  image                = local.images.ingest
  service_account      = google_service_account.this["ingest"].email
  callers              = { for caller in local.callers : caller => google_service_account.this[caller].email }
  settings             = local.settings_of_ingest
  secrets              = local.secrets
  size                 = var.ingest
  bucket               = module.bucket.name
  bucket_location      = local.bucket_location
  storage_agent        = module.bucket.service_agent
  events_path          = "/events/storage"
  maintenance_schedule = var.maintenance_schedule
  network              = local.network
  deletion_protection  = var.deletion_protection

  depends_on = [time_sleep.services]
}

module "worker" {
  source = "./modules/run_job"

  project_id          = var.project_id
  name                = local.names.worker
  region              = var.region
  image               = local.images.worker
  service_account     = google_service_account.this["worker"].email
  settings            = local.settings_of_worker
  secrets             = local.secrets
  tasks               = var.worker.tasks
  parallelism         = var.worker.parallelism
  cpu                 = var.worker.cpu
  memory              = var.worker.memory
  timeout_seconds     = var.worker.timeout_seconds
  max_retries         = var.worker.max_retries
  network             = local.network
  deletion_protection = var.deletion_protection

  depends_on = [time_sleep.services]
}

# Brings the database up to a version before that version is released.
module "migrate" {
  source = "./modules/run_job"

  project_id          = var.project_id
  name                = local.names.migrate
  region              = var.region
  image               = local.images.worker
  command             = ["python", "-m", "services.worker.migrate"]
  service_account     = google_service_account.this["migrate"].email
  settings            = local.settings_of_database
  secrets             = local.secrets
  cpu                 = "1"
  memory              = "512Mi"
  timeout_seconds     = 3600
  max_retries         = 1
  network             = local.network
  deletion_protection = var.deletion_protection

  depends_on = [time_sleep.services]
}

# -- who watches

module "monitoring" {
  source = "./modules/monitoring"

  project_id   = var.project_id
  name         = var.name
  services     = { api = module.api.name, ingest = module.ingest.name }
  job          = module.worker.name
  queue        = module.queue.name
  bucket       = module.bucket.name
  alert_emails = var.alert_emails
  limits       = var.alerts

  depends_on = [time_sleep.services]
}
