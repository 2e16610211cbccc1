output "name" {
  value       = google_cloud_run_v2_job.this.name
  description = "Name of the job."
}

output "id" {
  value       = google_cloud_run_v2_job.this.id
  description = "projects/P/locations/L/jobs/J."
}
