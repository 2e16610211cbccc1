# Metrics that are counted from log entries; `event` is what the code says, which tests/infra looks up in the code.

locals {
  from = {
    api     = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.services.api}\""
    ingest  = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.services.ingest}\""
    worker  = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"${var.job}\""
    anybody = "(resource.type=\"cloud_run_revision\" OR resource.type=\"cloud_run_job\")"
  }

  counted = {
    dead_jobs = {
      filter      = "${local.from.anybody} AND jsonPayload.event=\"job ended\" AND jsonPayload.state=\"dead\""
      description = "Jobs given up after their last attempt."
    }
    missing_claimers = {
      filter      = "${local.from.ingest} AND jsonPayload.event=\"claimers are missing\""
      description = "Times a sweep had to replace workers of a job."
    }
    overdue_callbacks = {
      filter      = "${local.from.ingest} AND jsonPayload.event=\"callback is overdue\""
      description = "Jobs that a sweep started, since the queue had not."
    }
    failed_sweeps = {
      filter      = "${local.from.ingest} AND jsonPayload.event=\"sweeping failed\""
      description = "Things of a sweep that failed."
    }
    refused_calls = {
      filter      = "${local.from.ingest} AND jsonPayload.event=\"call refused\""
      description = "Calls of the function without a token that is admitted."
    }
  }
}

resource "google_logging_metric" "counted" {
  for_each    = local.counted
  project     = var.project_id
  name        = "${var.name}/${each.key}"
  description = each.value.description
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

# A metric that was just made is not found at once by what refers to it.
resource "time_sleep" "metrics" {
  create_duration = "60s"
  triggers = {
    metrics = join(",", concat([for metric in google_logging_metric.counted : metric.id], [google_logging_metric.api_milliseconds.id]))
  }
}

# Cloud Run's own latency counts streams of events and downloads, which last as long as their readers like.
resource "google_logging_metric" "api_milliseconds" {
  project         = var.project_id
  name            = "${var.name}/api_milliseconds"
  description     = "Time to answer, without streams and files."
  filter          = "${local.from.api} AND jsonPayload.event=\"request\" AND NOT jsonPayload.path=~\"/(events|ws|file|plan)$\""
  value_extractor = "EXTRACT(jsonPayload.milliseconds)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "ms"
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 40
      growth_factor      = 1.4
      scale              = 1
    }
  }
}
