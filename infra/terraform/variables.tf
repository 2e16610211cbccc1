# What a deployment is told. environments/*.tfvars set what differs between them.

variable "project_id" {
  type        = string
  description = "The project everything lies in. It exists, and has a billing account."
}

variable "region" {
  type        = string
  description = "Where services, job and queue run."
  default     = "europe-west1"
}

variable "environment" {
  type        = string
  description = "Name of the environment; a label of everything."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.environment))
    error_message = "An environment is named in lower case letters, digits and dashes."
  }
}

variable "name" {
  type        = string
  description = "What the names of all resources begin with; service accounts leave it 16 characters."
  default     = "datayard"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,15}$", var.name))
    error_message = "The name has 3 to 16 lower case letters, digits and dashes, and begins with a letter."
  }
}

# -- what runs

variable "images" {
  type = object({
    api    = optional(string)
    ingest = optional(string)
    worker = optional(string)
  })
  description = "Images by digest that new services and jobs begin with; a placeholder of Google's where none is given. Later ones are released by the pipeline (ADR 26)."
  default     = {}

  validation {
    condition     = alltrue([for image in values(var.images) : image == null ? true : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image is named by its digest: REPOSITORY/IMAGE@sha256:..."
  }
}

variable "api" {
  type = object({
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 10)
    concurrency     = optional(number, 80)
    cpu             = optional(string, "1")
    memory          = optional(string, "1Gi")
    timeout_seconds = optional(number, 3600) # live streams of events last
  })
  description = "Size and scale of the API."
  default     = {}
}

variable "ingest" {
  type = object({
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 5)
    concurrency     = optional(number, 20)
    cpu             = optional(string, "1")
    memory          = optional(string, "512Mi")
    timeout_seconds = optional(number, 300)
  })
  description = "Size and scale of the function; the timeout is also the queue's deadline of a call."
  default     = {}

  validation {
    condition     = var.ingest.timeout_seconds >= 15 && var.ingest.timeout_seconds <= 1800
    error_message = "Cloud Tasks waits 15 to 1800 seconds for an answer."
  }
}

variable "worker" {
  type = object({
    tasks           = optional(number, 4)
    parallelism     = optional(number, 0) # of the tasks at once; 0: all
    cpu             = optional(string, "2")
    memory          = optional(string, "2Gi")
    timeout_seconds = optional(number, 86400)
    max_retries     = optional(number, 3)
  })
  description = "Size of a worker, and how many share one job."
  default     = {}

  validation {
    condition     = var.worker.tasks >= 1 && var.worker.tasks <= 1000
    error_message = "1 to 1000 workers share a job."
  }
}

variable "queue" {
  type = object({
    dispatches_per_second = optional(number, 20)
    concurrent_dispatches = optional(number, 20)
    max_attempts          = optional(number, 20)
    max_retry_seconds     = optional(number, 3600)
    min_backoff_seconds   = optional(number, 1)
    max_backoff_seconds   = optional(number, 120)
    max_doublings         = optional(number, 6)
  })
  description = "Rate and patience of the queue of callbacks. What it gives up, the sweep of /maintenance finds."
  default     = {}
}

variable "maintenance_schedule" {
  type        = string
  description = "When /maintenance is called, as cron in UTC."
  default     = "* * * * *"
}

variable "log_level" {
  type        = string
  description = "Least severe entry written."
  default     = "INFO"

  validation {
    condition     = var.log_level == "INFO" || var.log_level == "DEBUG"
    error_message = "INFO or DEBUG: alerts count entries of level INFO."
  }
}

# -- who may use it

variable "api_invokers" {
  type        = set(string)
  description = "Who may call the API: user:…, group:…, serviceAccount:…, domain:…"
  default     = []

  validation {
    condition     = length(setintersection(var.api_invokers, ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "The API has no sign-in of its own: whoever may call it may do everything. Name people or groups."
  }
}

variable "deployers" {
  type        = set(string)
  description = "Who may act as the pipeline's account, besides Cloud Build triggers that run as it."
  default     = []
}

# -- data

variable "mongo_url" {
  type        = string
  description = "Connection string of a MongoDB replica set, of Atlas or any other. It goes into Secret Manager, and neither into plan nor state."
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = can(regex("^mongodb(\\+srv)?://", var.mongo_url))
    error_message = "A connection string begins with mongodb:// or mongodb+srv://."
  }
}

variable "mongo_url_version" {
  type        = number
  description = "Count it up to write mongo_url anew."
  default     = 1
}

variable "mongo_database" {
  type        = string
  description = "Name of the database."
  default     = "datayard"
}

variable "bucket" {
  type = object({
    name             = optional(string) # PROJECT-NAME unless given; bucket names are the world's
    location         = optional(string) # the region unless given
    versioning       = optional(bool, true)
    temp_days        = optional(number, 7)
    noncurrent_days  = optional(number, 30)
    soft_delete_days = optional(number, 7)
    cors_origins     = optional(list(string), [])
  })
  description = "The bucket of objects: where, and how long what is temporary, replaced or deleted is kept."
  default     = {}

  validation {
    condition     = var.bucket.temp_days >= 5
    error_message = "temp/ holds the work of running jobs: three attempts of a day each, and a day of margin."
  }
  validation {
    condition     = var.bucket.soft_delete_days == 0 || (var.bucket.soft_delete_days >= 7 && var.bucket.soft_delete_days <= 90)
    error_message = "Cloud Storage keeps what was deleted for 7 to 90 days, or not at all (0)."
  }
}

variable "trash_days" {
  type        = number
  description = "Days a deleted dataset is kept before it is purged."
  default     = 30
}

variable "source_buckets" {
  type        = set(string)
  description = "Names of other buckets that imports may read from (gs://…)."
  default     = []
}

variable "kms_key" {
  type        = string
  description = "Key of Cloud KMS, in the bucket's location, that objects are encrypted with: projects/P/locations/L/keyRings/R/cryptoKeys/K. Null: Google's own."
  default     = null
}

# -- network

variable "network" {
  type = object({
    cidr      = optional(string, "10.10.0.0/24")
    addresses = optional(number, 1)
  })
  description = "Send everything through a network of our own, and out by NAT from fixed addresses, for a database that admits by address. Null: straight to the internet."
  default     = null
}

# -- watching

variable "alert_emails" {
  type        = set(string)
  description = "Who is told when an alert opens."
  default     = []
}

variable "alerts" {
  type = object({
    error_ratio       = optional(number, 0.02)
    latency_ms        = optional(number, 1000)
    queue_depth       = optional(number, 500)
    missing_claimers  = optional(number, 5)
    failed_attempts   = optional(number, 3)
    refused_calls     = optional(number, 5)
    storage_bytes     = optional(number, 10995116277760) # 10 TiB
    availability_goal = optional(number, 0.995)
    latency_goal      = optional(number, 0.95)
    fast_burn_rate    = optional(number, 10)
    quiet_seconds     = optional(number, 600)
  })
  description = "From where on an alert opens, and the goals of the API."
  default     = {}
}

variable "budget" {
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "USD")
  })
  description = "A month's budget of the project, told at 50, 90 and 100 %. Null: none."
  default     = null
}

variable "deletion_protection" {
  type        = bool
  description = "Refuse to delete services and jobs."
  default     = true
}
