output "channels" {
  value       = local.channels
  description = "Ids of the channels that alerts go to."
}
