"""What the adapters may do on Google Cloud: one row for every call of a client, and which service makes it.

A test finds the calls in shared/adapters and demands a row for each; another compares with what Terraform grants.
"""

from collections.abc import Mapping

Permissions = tuple[str, ...]

_CREATE, _DELETE = "storage.objects.create", "storage.objects.delete"
_GET, _LIST = "storage.objects.get", "storage.objects.list"
_ACT_AS, _SIGN = "iam.serviceAccounts.actAs", "iam.serviceAccounts.signBlob"

# By adapter, below shared/adapters: call of a client → what it needs. Replacing an object needs to delete it.
CALLS: Mapping[str, Mapping[str, Permissions]] = {
    "object_store/gcs.py": {
        "blob": (),
        "delete": (_DELETE,),
        "reload": (_GET,),
    },
    "object_store/gcs_bucket.py": {
        "blob": (),
        "bucket": (),
        "create_resumable_upload_session": (_CREATE,),
        "delete": (_DELETE,),
        "download_as_bytes": (_GET,),
        "generate_signed_url": (_SIGN,),
        "list_blobs": (_LIST,),
        "reload": (_GET,),
        "rewrite": (_GET, _CREATE, _DELETE),
        "terminate": (_CREATE,),
        "upload_from_string": (_CREATE, _DELETE),
    },
    "object_store/gcs_download.py": {
        "download_to_file": (_GET,),
    },
    "job_queue/cloud_tasks.py": {
        "create_task": ("cloudtasks.tasks.create", _ACT_AS),  # as the account in whose name the queue calls
        "get_queue": ("cloudtasks.queues.get",),
    },
    "job_launcher/cloud_run.py": {
        "cancel_execution": ("run.executions.cancel",),
        "run_job": ("run.jobs.run", "run.jobs.runWithOverrides"),
    },
}

_OBJECTS: Permissions = (_CREATE, _DELETE, _GET, _LIST)
_ENQUEUE = CALLS["job_queue/cloud_tasks.py"]["create_task"]

# What the services do with the adapters. The API asks whether the queue is there (readiness) and signs addresses;
# ingest starts and cancels workers; a worker orders the callback of a job that is to be tried again.
SERVICES: Mapping[str, frozenset[str]] = {
    "api": frozenset({*_OBJECTS, *_ENQUEUE, "cloudtasks.queues.get", _SIGN}),
    "ingest": frozenset({*_OBJECTS, *_ENQUEUE, "run.executions.cancel", "run.jobs.run", "run.jobs.runWithOverrides"}),
    "worker": frozenset({*_OBJECTS, *_ENQUEUE}),
    "migrate": frozenset(),
}

# What is granted by roles of Google's, to those that call no adapter and for reading the database's address.
ROLES: Mapping[str, frozenset[tuple[str, str]]] = {
    "api": frozenset({("roles/secretmanager.secretAccessor", "secret datayard-mongo-url")}),
    "ingest": frozenset({("roles/secretmanager.secretAccessor", "secret datayard-mongo-url")}),
    "worker": frozenset({("roles/secretmanager.secretAccessor", "secret datayard-mongo-url")}),
    "migrate": frozenset({("roles/secretmanager.secretAccessor", "secret datayard-mongo-url")}),
    "queue": frozenset({("roles/run.invoker", "service datayard-ingest")}),
    "scheduler": frozenset({("roles/run.invoker", "service datayard-ingest")}),
    "eventarc": frozenset({
        ("roles/eventarc.eventReceiver", "project"),
        ("roles/run.invoker", "service datayard-ingest"),
    }),
    "deploy": frozenset({
        ("roles/artifactregistry.writer", "repository datayard"),
        ("roles/iam.serviceAccountUser", "account api"),
        ("roles/iam.serviceAccountUser", "account ingest"),
        ("roles/iam.serviceAccountUser", "account migrate"),
        ("roles/iam.serviceAccountUser", "account worker"),
        ("roles/logging.logWriter", "project"),
        ("roles/run.developer", "job datayard-migrate"),
        ("roles/run.developer", "job datayard-worker"),
        ("roles/run.developer", "service datayard-api"),
        ("roles/run.developer", "service datayard-ingest"),
        ("roles/run.invoker", "service datayard-api"),
    }),
}  # fmt: skip

# The one thing that each permission is granted on.
PLACES: Mapping[str, str] = {
    "storage.objects": "bucket my-project-datayard",
    "cloudtasks.tasks": "queue datayard-jobs",
    "cloudtasks.queues": "queue datayard-jobs",
    "run.jobs": "job datayard-worker",
    "run.executions": "job datayard-worker",
}
EXACT_PLACES: Mapping[str, str] = {_ACT_AS: "account queue", _SIGN: "account api"}
