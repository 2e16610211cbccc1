# Versions, the provider, and where the state lies.

terraform {
  required_version = ">= 1.11" # write-only arguments: the database's address is never in the state

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }

  # The bucket and the prefix are named at `terraform init`; docs/cloud.md says how it is made.
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region

  # Budgets belong to a billing account, and are charged to this project's quota of calls.
  billing_project       = var.project_id
  user_project_override = true

  default_labels = {
    application = var.name
    environment = var.environment
  }
}
