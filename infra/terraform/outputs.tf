# What one needs to know after an apply; README and docs/cloud.md use these names.

output "api_url" {
  value       = module.api.uri
  description = "Address of the API."
}

output "ingest_url" {
  value       = local.ingest_url
  description = "Address of the function, which nobody calls but the queue, the scheduler and Eventarc."
}

output "bucket" {
  value       = module.bucket.name
  description = "The bucket; an archive put below incoming/ is imported."
}

output "queue" {
  value       = module.queue.id
  description = "The queue of callbacks."
}

output "worker_job" {
  value       = module.worker.name
  description = "The job whose executions do the work."
}

output "migrate_job" {
  value       = module.migrate.name
  description = "The job that brings the database up to date."
}

output "image_repository" {
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
  description = "Where images are pushed to."
}

output "service_accounts" {
  value       = { for account, made in google_service_account.this : account => made.email }
  description = "The accounts by what they are for."
}

output "egress_addresses" {
  value       = google_compute_address.egress[*].address
  description = "Addresses that the database sees, where `network` is set."
}

output "dashboard" {
  value       = "https://console.cloud.google.com/monitoring/dashboards?project=${var.project_id}"
  description = "Where the dashboard is."
}
