# A network of our own, if it is wanted: everything goes out by NAT, from fixed addresses.

locals {
  network = var.network == null ? null : {
    network    = google_compute_network.this[0].id
    subnetwork = google_compute_subnetwork.this[0].id
  }
}

resource "google_compute_network" "this" {
  count                   = var.network == null ? 0 : 1
  project                 = var.project_id
  name                    = var.name
  auto_create_subnetworks = false

  depends_on = [time_sleep.services]
}

resource "google_compute_subnetwork" "this" {
  count                    = var.network == null ? 0 : 1
  project                  = var.project_id
  name                     = "${var.name}-${var.region}"
  region                   = var.region
  network                  = google_compute_network.this[0].id
  ip_cidr_range            = var.network.cidr
  private_ip_google_access = true # Google's own services are reached without NAT

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# Nothing calls in through the network.
resource "google_compute_firewall" "deny_ingress" {
  count         = var.network == null ? 0 : 1
  project       = var.project_id
  name          = "${var.name}-deny-ingress"
  network       = google_compute_network.this[0].id
  direction     = "INGRESS"
  priority      = 65534
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }

  log_config {
    metadata = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_address" "egress" {
  count   = var.network == null ? 0 : var.network.addresses
  project = var.project_id
  name    = "${var.name}-egress-${count.index}"
  region  = var.region

  depends_on = [time_sleep.services]
}

resource "google_compute_router" "this" {
  count   = var.network == null ? 0 : 1
  project = var.project_id
  name    = var.name
  region  = var.region
  network = google_compute_network.this[0].id
}

resource "google_compute_router_nat" "this" {
  count                               = var.network == null ? 0 : 1
  project                             = var.project_id
  name                                = var.name
  region                              = var.region
  router                              = google_compute_router.this[0].name
  nat_ip_allocate_option              = "MANUAL_ONLY"
  nat_ips                             = google_compute_address.egress[*].self_link
  source_subnetwork_ip_ranges_to_nat  = "ALL_SUBNETWORKS_ALL_IP_RANGES"
  enable_dynamic_port_allocation      = true
  enable_endpoint_independent_mapping = false
  min_ports_per_vm                    = 64
  max_ports_per_vm                    = 4096

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
