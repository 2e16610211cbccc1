# Alerts. Each names the section of docs/runbook.md that says what to do; tests/infra compares them, both ways.

locals {
  requests = "metric.type=\"run.googleapis.com/request_count\" AND ${local.from.api}"

  # Over `window` the points of each series become one by `align`, the series become one by `reduce`; the alert is open
  # while the result has been above `above` for `lasting`. A log metric of `counted` is named, the others are filters.
  alerts = {
    api_errors = {
      title    = "The API answers with errors"
      runbook  = "the-api-answers-with-errors"
      severity = "CRITICAL"
      filter   = "${local.requests} AND metric.labels.response_code_class=\"5xx\""
      of       = local.requests
      align    = "ALIGN_RATE"
      reduce   = "REDUCE_SUM"
      window   = "300s"
      above    = var.limits.error_ratio
      lasting  = "300s"
    }
    api_latency = {
      title    = "The API is slow"
      runbook  = "the-api-is-slow"
      severity = "WARNING"
      filter   = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.api_milliseconds.name}\" AND resource.type=\"cloud_run_revision\""
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_PERCENTILE_95"
      window   = "300s"
      above    = var.limits.latency_ms
      lasting  = "600s"
    }
    queue_depth = {
      title    = "The queue grows"
      runbook  = "the-queue-grows"
      severity = "WARNING"
      filter   = "metric.type=\"cloudtasks.googleapis.com/queue/depth\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=\"${var.queue}\""
      of       = null
      align    = "ALIGN_MAX"
      reduce   = "REDUCE_SUM"
      window   = "60s"
      above    = var.limits.queue_depth
      lasting  = "600s"
    }
    dead_jobs = {
      title    = "A job is dead"
      runbook  = "a-job-is-dead-or-failed"
      severity = "ERROR"
      filter   = local.log_metric["dead_jobs"]
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "300s"
      above    = 0
      lasting  = "0s"
    }
    stuck_imports = {
      title    = "An import is stuck"
      runbook  = "an-import-is-stuck"
      severity = "ERROR"
      filter   = local.log_metric["missing_claimers"]
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "1800s"
      above    = var.limits.missing_claimers
      lasting  = "0s"
    }
    overdue_callbacks = {
      title    = "The queue does not call"
      runbook  = "queue-down"
      severity = "WARNING"
      filter   = local.log_metric["overdue_callbacks"]
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "900s"
      above    = 5
      lasting  = "0s"
    }
    failed_sweeps = {
      title    = "Sweeps fail"
      runbook  = "the-sweeper-is-silent-or-fails"
      severity = "ERROR"
      filter   = local.log_metric["failed_sweeps"]
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "900s"
      above    = 5
      lasting  = "0s"
    }
    failed_workers = {
      title    = "Workers fail"
      runbook  = "workers-fail"
      severity = "ERROR"
      filter   = "metric.type=\"run.googleapis.com/job/completed_task_attempt_count\" AND ${local.from.worker} AND metric.labels.result=\"failed\""
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "900s"
      above    = var.limits.failed_attempts
      lasting  = "0s"
    }
    refused_calls = {
      title    = "Calls of the function are refused"
      runbook  = "calls-of-the-function-are-refused"
      severity = "WARNING"
      filter   = local.log_metric["refused_calls"]
      of       = null
      align    = "ALIGN_DELTA"
      reduce   = "REDUCE_SUM"
      window   = "900s"
      above    = var.limits.refused_calls
      lasting  = "0s"
    }
    storage = {
      title    = "The bucket nears its quota"
      runbook  = "the-bucket-nears-its-quota"
      severity = "WARNING"
      filter   = "metric.type=\"storage.googleapis.com/storage/v2/total_bytes\" AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=\"${var.bucket}\""
      of       = null
      align    = "ALIGN_MEAN"
      reduce   = "REDUCE_SUM"
      window   = "3600s" # counted once a day, and told again and again until the next
      above    = 0.9 * var.limits.storage_bytes
      lasting  = "0s"
    }
  }

  log_metric = {
    for key, metric in google_logging_metric.counted :
    key => "metric.type=\"logging.googleapis.com/user/${metric.name}\" AND ${local.from_metric[key]}"
  }
  # A metric of the log has the resources its entries have; a condition is about one kind of them.
  from_metric = merge({ for key in keys(local.counted) : key => "resource.type=\"cloud_run_revision\"" }, {
    dead_jobs = "resource.type=\"cloud_run_job\""
  })

  channels = [for channel in google_monitoring_notification_channel.email : channel.id]
}

resource "google_monitoring_notification_channel" "email" {
  for_each     = var.alert_emails
  project      = var.project_id
  display_name = each.value
  type         = "email"
  labels       = { email_address = each.value }
}

resource "google_monitoring_alert_policy" "threshold" {
  for_each              = local.alerts
  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter             = each.value.filter
      denominator_filter = each.value.of
      comparison         = "COMPARISON_GT"
      threshold_value    = each.value.above
      duration           = each.value.lasting

      aggregations {
        alignment_period     = each.value.window
        per_series_aligner   = each.value.align
        cross_series_reducer = each.value.reduce
      }

      dynamic "denominator_aggregations" {
        for_each = each.value.of == null ? [] : [each.value]
        content {
          alignment_period     = denominator_aggregations.value.window
          per_series_aligner   = denominator_aggregations.value.align
          cross_series_reducer = denominator_aggregations.value.reduce
        }
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    subject   = each.value.title
    content   = "What to do: docs/runbook.md#${each.value.runbook}"
  }

  depends_on = [time_sleep.metrics]
}

# The scheduler calls every minute: when the function answers nobody, nothing is swept.
resource "google_monitoring_alert_policy" "silent_sweeper" {
  project               = var.project_id
  display_name          = "${var.name}: The sweeper is silent"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels

  conditions {
    display_name = "The sweeper is silent"

    condition_absent {
      filter   = "metric.type=\"run.googleapis.com/request_count\" AND ${local.from.ingest} AND metric.labels.response_code_class=\"2xx\""
      duration = "${var.limits.quiet_seconds}s"

      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_RATE"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "The sweeper is silent"
    content   = "What to do: docs/runbook.md#the-sweeper-is-silent-or-fails"
  }
}
