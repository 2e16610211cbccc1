variable "project_id" {
  type        = string
  description = "The project."
}

variable "name" {
  type        = string
  description = "Name of the bucket."
}

variable "location" {
  type        = string
  description = "Region, or EU, US, ASIA."
}

variable "versioning" {
  type        = bool
  description = "Keep what is replaced or deleted as noncurrent versions."
}

variable "temp_days" {
  type        = number
  description = "Days after which what is below temp/ is deleted."
}

variable "noncurrent_days" {
  type        = number
  description = "Days that replaced and deleted objects are kept."
}

variable "soft_delete_days" {
  type        = number
  description = "Days in which a deletion, of the bucket too, can be undone; 0: none."
}

variable "cors_origins" {
  type        = list(string)
  description = "Origins of pages that may send to the bucket."
}

variable "kms_key" {
  type        = string
  description = "Key it is encrypted with; Google's own if null."
  default     = null
}
