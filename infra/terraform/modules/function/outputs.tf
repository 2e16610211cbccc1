output "name" {
  value       = module.service.name
  description = "Name of the service."
}

output "uri" {
  value       = module.service.uri
  description = "Its address, as Cloud Run tells it."
}
