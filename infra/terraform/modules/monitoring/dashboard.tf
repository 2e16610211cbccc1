# One dashboard: the doors, the queue, the work, and what is kept.

locals {
  charts = {
    "Requests of the API by class" = {
      filter = local.requests, align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.response_code_class"]
    }
    "Milliseconds of the API, 95 %" = {
      filter = local.alerts.api_latency.filter, align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_95", by = []
    }
    "Calls of the function by class" = {
      filter = "metric.type=\"run.googleapis.com/request_count\" AND ${local.from.ingest}"
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.response_code_class"]
    }
    "Callbacks that wait" = {
      filter = local.alerts.queue_depth.filter, align = "ALIGN_MAX", reduce = "REDUCE_SUM", by = []
    }
    "Callbacks by answer" = {
      filter = "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_count\" AND resource.type=\"cloud_tasks_queue\" AND resource.labels.queue_id=\"${var.queue}\""
      align  = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.response_code"]
    }
    "Workers at work" = {
      filter = "metric.type=\"run.googleapis.com/job/running_task_attempts\" AND ${local.from.worker}"
      align  = "ALIGN_MAX", reduce = "REDUCE_SUM", by = []
    }
    "Workers that ended, by result" = {
      filter = "metric.type=\"run.googleapis.com/job/completed_task_attempt_count\" AND ${local.from.worker}"
      align  = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.result"]
    }
    "Dead jobs" = {
      filter = local.log_metric["dead_jobs"], align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = []
    }
    "Replaced workers" = {
      filter = local.log_metric["missing_claimers"], align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = []
    }
    "Bytes of the bucket" = {
      filter = local.alerts.storage.filter, align = "ALIGN_MEAN", reduce = "REDUCE_SUM", by = ["metric.label.type"]
    }
  }
  titles = sort(keys(local.charts))
}

resource "google_monitoring_dashboard" "this" {
  project = var.project_id
  dashboard_json = jsonencode({
    displayName = var.name
    mosaicLayout = {
      columns = 12
      tiles = [for index, title in local.titles : {
        width  = 6
        height = 4
        xPos   = index % 2 * 6
        yPos   = floor(index / 2) * 4
        widget = {
          title = title
          xyChart = {
            dataSets = [{
              plotType   = "LINE"
              targetAxis = "Y1"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = local.charts[title].filter
                  aggregation = {
                    alignmentPeriod    = title == "Bytes of the bucket" ? "3600s" : "60s"
                    perSeriesAligner   = local.charts[title].align
                    crossSeriesReducer = local.charts[title].reduce
                    groupByFields      = local.charts[title].by
                  }
                }
              }
            }]
          }
        }
      }]
    }
  })
}
