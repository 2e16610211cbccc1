# Who may do what: one account for each that acts, and for each grant the one resource it is for.
#
# What the services call is in roles of our own, so that nothing comes with it. tests/infra compares them with the
# calls in shared/adapters, both ways.

locals {
  callers        = ["eventarc", "queue", "scheduler"] # may call the function, and nothing else
  object_users   = ["api", "ingest", "worker"]
  enqueuers      = ["api", "ingest", "worker"]
  source_readers = ["api", "worker"]
  database_users = ["api", "ingest", "worker", "migrate"]

  accounts = {
    api       = "The people's door."
    ingest    = "The machines' door."
    worker    = "Does the work of jobs."
    migrate   = "Brings the database up to date."
    deploy    = "Builds and releases images."
    eventarc  = "Tells the function of new objects."
    queue     = "Calls the function back when a job is due."
    scheduler = "Calls /maintenance."
  }
  members = { for account, made in google_service_account.this : account => "serviceAccount:${made.email}" }

  roles = {
    objects = {
      title       = "objects: read and write"
      permissions = ["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"]
    }
    sources = {
      title       = "objects: read"
      permissions = ["storage.objects.get", "storage.objects.list"]
    }
    enqueue = {
      title       = "callbacks: order"
      permissions = ["cloudtasks.tasks.create"]
    }
    queue_status = {
      title       = "callbacks: look after the queue"
      permissions = ["cloudtasks.queues.get"]
    }
    call_as = {
      title       = "callbacks: name the caller"
      permissions = ["iam.serviceAccounts.actAs"]
    }
    sign = {
      title       = "addresses: sign"
      permissions = ["iam.serviceAccounts.signBlob"]
    }
    launch = {
      title       = "workers: start and cancel"
      permissions = ["run.executions.cancel", "run.jobs.run", "run.jobs.runWithOverrides"]
    }
  }
}

resource "google_service_account" "this" {
  for_each     = local.accounts
  project      = var.project_id
  account_id   = "${var.name}-${each.key}"
  display_name = "${var.name}: ${each.key}"
  description  = each.value

  depends_on = [time_sleep.services]
}

resource "google_project_iam_custom_role" "this" {
  for_each    = local.roles
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}.${each.key}"
  title       = "${var.name}, ${each.value.title}"
  permissions = each.value.permissions

  depends_on = [time_sleep.services]
}

# -- objects

resource "google_storage_bucket_iam_member" "objects" {
  for_each = toset(local.object_users)
  bucket   = module.bucket.name
  role     = google_project_iam_custom_role.this["objects"].id
  member   = local.members[each.value]
}

resource "google_storage_bucket_iam_member" "sources" {
  for_each = { for pair in setproduct(var.source_buckets, local.source_readers) : join("/", pair) => pair }
  bucket   = each.value[0]
  role     = google_project_iam_custom_role.this["sources"].id
  member   = local.members[each.value[1]]
}

# The API signs addresses of objects as itself, without a key.
resource "google_service_account_iam_member" "sign" {
  service_account_id = google_service_account.this["api"].name
  role               = google_project_iam_custom_role.this["sign"].id
  member             = local.members["api"]
}

# -- callbacks

resource "google_cloud_tasks_queue_iam_member" "enqueue" {
  for_each = toset(local.enqueuers)
  project  = var.project_id
  location = var.region
  name     = module.queue.name
  role     = google_project_iam_custom_role.this["enqueue"].id
  member   = local.members[each.value]
}

resource "google_cloud_tasks_queue_iam_member" "status" {
  project  = var.project_id
  location = var.region
  name     = module.queue.name
  role     = google_project_iam_custom_role.this["queue_status"].id
  member   = local.members["api"]
}

# Who orders a call in somebody's name must be allowed to act as that one, who may call the function only.
resource "google_service_account_iam_member" "call_as" {
  for_each           = toset(local.enqueuers)
  service_account_id = google_service_account.this["queue"].name
  role               = google_project_iam_custom_role.this["call_as"].id
  member             = local.members[each.value]
}

# -- workers

resource "google_cloud_run_v2_job_iam_member" "launch" {
  project  = var.project_id
  location = var.region
  name     = module.worker.name
  role     = google_project_iam_custom_role.this["launch"].id
  member   = local.members["ingest"]
}

# -- the pipeline

resource "google_artifact_registry_repository_iam_member" "push" {
  project    = var.project_id
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = local.members["deploy"]
}

resource "google_cloud_run_v2_service_iam_member" "release" {
  for_each = { api = module.api.name, ingest = module.ingest.name }
  project  = var.project_id
  location = var.region
  name     = each.value
  role     = "roles/run.developer"
  member   = local.members["deploy"]
}

resource "google_cloud_run_v2_job_iam_member" "release" {
  for_each = { worker = module.worker.name, migrate = module.migrate.name }
  project  = var.project_id
  location = var.region
  name     = each.value
  role     = "roles/run.developer"
  member   = local.members["deploy"]
}

resource "google_service_account_iam_member" "release_as" {
  for_each           = toset(local.database_users)
  service_account_id = google_service_account.this[each.value].name
  role               = "roles/iam.serviceAccountUser"
  member             = local.members["deploy"]
}

# The smoke test asks the API.
resource "google_cloud_run_v2_service_iam_member" "smoke_test" {
  project  = var.project_id
  location = var.region
  name     = module.api.name
  role     = "roles/run.invoker"
  member   = local.members["deploy"]
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = local.members["deploy"]
}

resource "google_service_account_iam_member" "deployers" {
  for_each           = var.deployers
  service_account_id = google_service_account.this["deploy"].name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
