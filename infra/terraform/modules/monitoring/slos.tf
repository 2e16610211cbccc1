# What the API promises over four weeks, and an alert for when that is used up too fast.

resource "google_monitoring_custom_service" "api" {
  project      = var.project_id
  service_id   = "${var.name}-api"
  display_name = "${var.name}: API"
}

resource "google_monitoring_slo" "availability" {
  project             = var.project_id
  service             = google_monitoring_custom_service.api.service_id
  slo_id              = "availability"
  display_name        = "Answers without a fault of ours"
  goal                = var.limits.availability_goal
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = "${local.requests} AND metric.labels.response_code_class=\"5xx\""
      total_service_filter = local.requests
    }
  }
}

resource "google_monitoring_slo" "latency" {
  project             = var.project_id
  service             = google_monitoring_custom_service.api.service_id
  slo_id              = "latency"
  display_name        = "Answers within ${var.limits.latency_ms} ms"
  goal                = var.limits.latency_goal
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.api_milliseconds.name}\" AND resource.type=\"cloud_run_revision\""
      range {
        max = var.limits.latency_ms
      }
    }
  }

  depends_on = [time_sleep.metrics]
}

# A burn rate of 10 spends four weeks' allowance of errors in less than three days.
resource "google_monitoring_alert_policy" "burn_rate" {
  for_each = {
    availability = { slo = google_monitoring_slo.availability.name, runbook = "the-api-answers-with-errors" }
    latency      = { slo = google_monitoring_slo.latency.name, runbook = "the-api-is-slow" }
  }
  project               = var.project_id
  display_name          = "${var.name}: The API breaks its promise of ${each.key}"
  combiner              = "AND"
  severity              = "CRITICAL"
  notification_channels = local.channels

  # Over an hour, so that it matters, and over five minutes, so that it is still so.
  dynamic "conditions" {
    for_each = ["3600s", "300s"]
    content {
      display_name = "Burn rate over ${conditions.value}"
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${each.value.slo}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = var.limits.fast_burn_rate
        duration        = "0s"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "The API breaks its promise of ${each.key}"
    content   = "What to do: docs/runbook.md#${each.value.runbook}"
  }
}
