variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "Name of the job."
}

variable "region" {
  type        = string
  description = "Where it runs."
}

variable "image" {
  type        = string
  description = "The image it begins with."
}

variable "command" {
  type        = list(string)
  description = "What is run instead of the image's own command; null: that one."
  default     = null
}

variable "service_account" {
  type        = string
  description = "E-mail address of the account it runs as."
}

variable "settings" {
  type        = map(string)
  description = "Environment variables."
}

variable "secrets" {
  type        = map(object({ secret = string, version = string }))
  description = "Environment variables that are secrets."
  default     = {}
}

variable "tasks" {
  type        = number
  description = "Tasks of an execution, unless the one who starts it says otherwise."
  default     = 1
}

variable "parallelism" {
  type        = number
  description = "Tasks of an execution that run at once; 0: as many as there are."
  default     = 0
}

variable "cpu" {
  type        = string
  description = "CPUs of a task."
}

variable "memory" {
  type        = string
  description = "Memory of a task, its temporary files included."
}

variable "timeout_seconds" {
  type        = number
  description = "Deadline of one attempt of a task."
}

variable "max_retries" {
  type        = number
  description = "Further attempts of a task that failed."
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
