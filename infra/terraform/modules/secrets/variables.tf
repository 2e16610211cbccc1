variable "project_id" {
  type        = string
  description = "The project."
}

variable "region" {
  type        = string
  description = "Where it is kept."
}

variable "name" {
  type        = string
  description = "Name of the secret."
}

variable "value" {
  type        = string
  description = "The secret itself."
  ephemeral   = true
  sensitive   = true
}

variable "value_version" {
  type        = number
  description = "Another number writes the value anew."
}

variable "readers" {
  type        = map(string)
  description = "Who may read it, by a name known beforehand."
}
