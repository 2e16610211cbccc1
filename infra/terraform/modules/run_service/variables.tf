variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "Name of the service."
}

variable "region" {
  type        = string
  description = "Where it runs."
}

variable "image" {
  type        = string
  description = "The image it begins with."
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

variable "invokers" {
  type        = map(string)
  description = "Who may call it, by a name known beforehand."
  default     = {}
}

variable "ingress" {
  type        = string
  description = "Where calls may come from."
  default     = "INGRESS_TRAFFIC_ALL"
}

variable "audiences" {
  type        = list(string)
  description = "Audiences of tokens that are admitted besides the service's own addresses."
  default     = []
}

variable "min_instances" {
  type        = number
  description = "Instances that are always there."
}

variable "max_instances" {
  type        = number
  description = "Instances at most."
}

variable "concurrency" {
  type        = number
  description = "Requests at once in one instance."
}

variable "cpu" {
  type        = string
  description = "CPUs of an instance."
}

variable "memory" {
  type        = string
  description = "Memory of an instance."
}

variable "timeout_seconds" {
  type        = number
  description = "Deadline of a request."
}

variable "port" {
  type        = number
  description = "Port the container listens on."
  default     = 8080
}

variable "startup_path" {
  type        = string
  description = "Answers 200 once the service can work."
}

variable "liveness_path" {
  type        = string
  description = "Answers 200 while the process works."
  default     = "/health/live"
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
