# Settings of each deployable, by the names of docs/settings.md. What is not here keeps its default.

locals {
  # Cloud Run's address of a service, which is known before there is one.
  ingest_url = "https://${local.names.ingest}-${data.google_project.this.number}.${var.region}.run.app"

  # Eventarc calls by the other address of a service, whose middle is the same for all services of project and region.
  ingest_audiences = distinct([
    local.ingest_url, replace(module.api.uri, "//${local.names.api}-", "//${local.names.ingest}-"),
  ])

  secrets = { DATAYARD_MONGO__URL = module.mongo_secret.reference }

  settings_of_database = {
    DATAYARD_MONGO__DATABASE = var.mongo_database
    DATAYARD_LOG__LEVEL      = var.log_level
  }

  settings_of_all = merge(local.settings_of_database, {
    DATAYARD_OBJECT_STORE__BACKEND   = "gcs"
    DATAYARD_OBJECT_STORE__BUCKET    = local.names.bucket
    DATAYARD_QUEUE__BACKEND          = "cloud_tasks"
    DATAYARD_QUEUE__QUEUE            = "projects/${var.project_id}/locations/${var.region}/queues/${local.names.queue}"
    DATAYARD_QUEUE__TARGET           = local.ingest_url
    DATAYARD_QUEUE__SERVICE_ACCOUNT  = google_service_account.this["queue"].email
    DATAYARD_QUEUE__AUDIENCE         = local.ingest_url
    DATAYARD_QUEUE__DEADLINE_SECONDS = tostring(var.ingest.timeout_seconds)
    DATAYARD_LAUNCHER__BACKEND       = "cloud_run"
    DATAYARD_LAUNCHER__JOB           = "projects/${var.project_id}/locations/${var.region}/jobs/${local.names.worker}"
    DATAYARD_ENGINE__CLAIMERS        = tostring(var.worker.tasks)
    DATAYARD_ENGINE__TRASH_DAYS      = tostring(var.trash_days)

    # Each execution is of one job: nobody waits for a worker of another.
    DATAYARD_ENGINE__TURN_SECONDS = "0"

    # temp/ is emptied after temp_days; a job may have worked three days, an attempt each, before it is dead.
    DATAYARD_ENGINE__LEFTOVER_DAYS = tostring(var.bucket.temp_days - 4)
  })

  # One local each: the function's names the address of the API, which has been told its settings by then.
  settings_of_api = merge(local.settings_of_all, {
    DATAYARD_API__HOST            = "0.0.0.0"
    DATAYARD_API__PORT            = "8080"
    DATAYARD_OBJECT_STORE__SIGNER = google_service_account.this["api"].email
  })

  settings_of_ingest = merge(local.settings_of_all, {
    DATAYARD_INGEST__HOST              = "0.0.0.0"
    DATAYARD_INGEST__PORT              = "8080"
    DATAYARD_CALLERS__BACKEND          = "oidc"
    DATAYARD_CALLERS__AUDIENCE         = join(" ", local.ingest_audiences)
    DATAYARD_CALLERS__SERVICE_ACCOUNTS = jsonencode([for caller in local.callers : google_service_account.this[caller].email])
  })

  settings_of_worker = local.settings_of_all
}
