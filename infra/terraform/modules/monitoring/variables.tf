variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "What names begin with."
}

variable "services" {
  type        = object({ api = string, ingest = string })
  description = "Names of the services of Cloud Run."
}

variable "job" {
  type        = string
  description = "Name of the job of the workers."
}

variable "queue" {
  type        = string
  description = "Name of the queue."
}

variable "bucket" {
  type        = string
  description = "Name of the bucket."
}

variable "alert_emails" {
  type        = set(string)
  description = "Who is told when an alert opens."
}

variable "limits" {
  type = object({
    error_ratio       = number
    latency_ms        = number
    queue_depth       = number
    missing_claimers  = number
    failed_attempts   = number
    refused_calls     = number
    storage_bytes     = number
    availability_goal = number
    latency_goal      = number
    fast_burn_rate    = number
    quiet_seconds     = number
  })
  description = "From where on an alert opens, and the goals of the API."
}
