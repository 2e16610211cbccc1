# It is known when the value is there and may be read: a service that refers to it can start.
output "reference" {
  value = {
    secret  = google_secret_manager_secret.this.secret_id
    version = google_secret_manager_secret_version.this.version
  }
  description = "Name and version, as a service refers to it."
  depends_on  = [google_secret_manager_secret_iam_member.reader]
}
