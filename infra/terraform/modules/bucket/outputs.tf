output "name" {
  value       = google_storage_bucket.this.name
  description = "Name of the bucket."
}

output "service_agent" {
  value       = data.google_storage_project_service_account.this.member
  description = "Cloud Storage's own account in this project, which publishes events of objects."
}
