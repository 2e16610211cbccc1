output "name" {
  value       = google_cloud_tasks_queue.this.name
  description = "Name of the queue."
}

output "id" {
  value       = google_cloud_tasks_queue.this.id
  description = "projects/P/locations/L/queues/Q."
}
