# Secrets, each with its value, and who may read it. The values are write-only: neither plan nor state has them.

resource "google_secret_manager_secret" "this" {
  project   = var.project_id
  secret_id = var.name

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "this" {
  secret                 = google_secret_manager_secret.this.id
  secret_data_wo         = var.value
  secret_data_wo_version = var.value_version

  # A revision that still names it must start again when it is scaled up; old ones are disabled by hand.
  deletion_policy = "ABANDON"
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each  = var.readers
  project   = var.project_id
  secret_id = google_secret_manager_secret.this.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value
}
