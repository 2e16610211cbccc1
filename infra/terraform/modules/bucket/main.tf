# The bucket of objects: datasets/, incoming/, and temp/, which a rule empties.

data "google_storage_project_service_account" "this" {
  project = var.project_id
}

resource "google_storage_bucket" "this" {
  # checkov:skip=CKV_GCP_62: who did what is in Cloud Audit Logs; access logs of a million images cost more than they tell
  # checkov:skip=CKV_GCP_78: versioning is a variable, on by default; an environment to throw away turns it off
  project                     = var.project_id
  name                        = var.name
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = var.versioning
  }

  soft_delete_policy {
    retention_duration_seconds = var.soft_delete_days * 86400
  }

  # The work of jobs. What cancelled and dead ones left is removed by the sweep long before; this is for what it missed.
  lifecycle_rule {
    condition {
      age            = var.temp_days
      matches_prefix = ["temp/"]
      with_state     = "LIVE"
    }
    action {
      type = "Delete"
    }
  }

  # Temporary objects have no second life.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 1
      matches_prefix             = ["temp/"]
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  # The trash: what was replaced or purged can be brought back until then.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = var.noncurrent_days
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 7
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  # Browsers send archives straight to the bucket, in a session that the API has opened.
  dynamic "cors" {
    for_each = length(var.cors_origins) == 0 ? [] : [var.cors_origins]
    content {
      origin          = cors.value
      method          = ["GET", "HEAD", "PUT", "POST", "DELETE"]
      response_header = ["Content-Type", "Content-Range", "ETag", "Location", "Range", "x-goog-hash", "x-goog-resumable"]
      max_age_seconds = 3600
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]
    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.storage]
}

resource "google_kms_crypto_key_iam_member" "storage" {
  count         = var.kms_key == null ? 0 : 1
  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = data.google_storage_project_service_account.this.member
}
