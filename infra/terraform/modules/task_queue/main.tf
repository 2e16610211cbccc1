# A queue of Cloud Tasks. The name of a deleted queue is free again after seven days.

resource "google_cloud_tasks_queue" "this" {
  project  = var.project_id
  name     = var.name
  location = var.region

  rate_limits {
    max_dispatches_per_second = var.policy.dispatches_per_second
    max_concurrent_dispatches = var.policy.concurrent_dispatches
  }

  retry_config {
    max_attempts       = var.policy.max_attempts
    max_retry_duration = "${var.policy.max_retry_seconds}s"
    min_backoff        = "${var.policy.min_backoff_seconds}s"
    max_backoff        = "${var.policy.max_backoff_seconds}s"
    max_doublings      = var.policy.max_doublings
  }

  stackdriver_logging_config {
    sampling_ratio = 1
  }
}
