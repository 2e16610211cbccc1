variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "Name of the queue."
}

variable "region" {
  type        = string
  description = "Where it is."
}

variable "policy" {
  type = object({
    dispatches_per_second = number
    concurrent_dispatches = number
    max_attempts          = number
    max_retry_seconds     = number
    min_backoff_seconds   = number
    max_backoff_seconds   = number
    max_doublings         = number
  })
  description = "How fast it calls, and how patiently it calls again."
}
