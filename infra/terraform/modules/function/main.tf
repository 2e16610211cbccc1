# The machines' door: a service that is called by the queue, by the scheduler and by events of the bucket, and by
# nobody else. It runs an image of our own with the functions framework (ADR 25).

module "service" {
  source = "../run_service"

  project_id          = var.project_id
  name                = var.name
  region              = var.region
  image               = var.image
  service_account     = var.service_account
  settings            = var.settings
  secrets             = var.secrets
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY" # Cloud Tasks, Scheduler and Eventarc of this project are inside
  audiences           = [var.url]
  invokers            = { for caller, email in var.callers : caller => "serviceAccount:${email}" }
  min_instances       = var.size.min_instances
  max_instances       = var.size.max_instances
  concurrency         = var.size.concurrency
  cpu                 = var.size.cpu
  memory              = var.size.memory
  timeout_seconds     = var.size.timeout_seconds
  startup_path        = "/health/live"
  network             = var.network
  deletion_protection = var.deletion_protection
}

# -- events of the bucket

resource "google_project_iam_member" "event_receiver" {
  project = var.project_id
  role    = "roles/eventarc.eventReceiver"
  member  = "serviceAccount:${var.callers["eventarc"]}"
}

# Events of Cloud Storage come through a topic of Pub/Sub that its own account publishes to.
resource "google_project_iam_member" "storage_publisher" {
  project = var.project_id
  role    = "roles/pubsub.publisher"
  member  = var.storage_agent
}

# The accounts that Eventarc works with are made with the first use, and known everywhere a minute or two later.
resource "time_sleep" "eventarc_agent" {
  create_duration = "120s"
  depends_on      = [google_project_iam_member.event_receiver, google_project_iam_member.storage_publisher]
}

# Every new object: Eventarc has no filter for names, so the function looks for incoming/ itself.
resource "google_eventarc_trigger" "object_finalized" {
  project         = var.project_id
  name            = "${var.name}-object-finalized"
  location        = lower(var.bucket_location)
  service_account = var.callers["eventarc"]

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }

  matching_criteria {
    attribute = "bucket"
    value     = var.bucket
  }

  destination {
    cloud_run_service {
      service = module.service.name
      region  = var.region
      path    = var.events_path
    }
  }

  depends_on = [time_sleep.eventarc_agent]
}

# -- the sweeper

resource "google_cloud_scheduler_job" "maintenance" {
  project          = var.project_id
  name             = "${var.name}-maintenance"
  region           = var.region
  description      = "Starts what stopped, removes what is left over."
  schedule         = var.maintenance_schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${var.size.timeout_seconds}s"

  retry_config {
    retry_count = 0 # the next round is a minute away
  }

  http_target {
    http_method = "POST"
    uri         = "${var.url}/maintenance"

    oidc_token {
      service_account_email = var.callers["scheduler"]
      audience              = var.url
    }
  }

  depends_on = [module.service]
}
