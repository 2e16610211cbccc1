variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "Name of the function."
}

variable "region" {
  type        = string
  description = "Where it runs."
}

variable "url" {
  type        = string
  description = "Its address, known beforehand; the audience of the tokens that callers show."
}

variable "image" {
  type        = string
  description = "The image it begins with."
}

variable "service_account" {
  type        = string
  description = "E-mail address of the account it runs as."
}

variable "callers" {
  type        = map(string)
  description = "E-mail addresses of the accounts that may call it: queue, scheduler and eventarc."

  validation {
    condition     = toset(keys(var.callers)) == toset(["queue", "scheduler", "eventarc"])
    error_message = "The callers are queue, scheduler and eventarc."
  }
}

variable "settings" {
  type        = map(string)
  description = "Environment variables."
}

variable "secrets" {
  type        = map(object({ secret = string, version = string }))
  description = "Environment variables that are secrets."
}

variable "size" {
  type = object({
    min_instances   = number
    max_instances   = number
    concurrency     = number
    cpu             = string
    memory          = string
    timeout_seconds = number
  })
  description = "Size and scale."
}

variable "bucket" {
  type        = string
  description = "The bucket whose new objects it is told."
}

variable "bucket_location" {
  type        = string
  description = "Where that bucket is; its events are there."
}

variable "storage_agent" {
  type        = string
  description = "Cloud Storage's own account, as a member."
}

variable "events_path" {
  type        = string
  description = "Path that events are sent to."
}

variable "maintenance_schedule" {
  type        = string
  description = "When /maintenance is called, as cron in UTC."
}

variable "network" {
  type        = object({ network = string, subnetwork = string })
  description = "Network that everything it sends goes through; null: none."
  default     = null
}

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete it."
}
