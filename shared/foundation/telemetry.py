"""Prometheus metrics, built where a process starts; nothing is registered by importing this."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server


class HttpMetrics:
    """Rate, errors and latency of a web service, by route."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method", "route", "status")
        self.requests = Counter("datayard_http_requests", "Requests answered", labels, registry=registry)
        self.seconds = Histogram("datayard_http_request_seconds", "Seconds to answer", labels[:2], registry=registry)


class EngineMetrics:
    """What a worker has done since it started."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.images = Counter("datayard_import_images", "Images written", registry=registry)
        self.image_bytes = Counter("datayard_import_image_bytes", "Bytes of images written", registry=registry)
        self.findings = Counter("datayard_import_findings", "Findings reported", ("rule",), registry=registry)
        self.shards = Counter("datayard_import_shards", "Shards left", ("outcome",), registry=registry)
        self.jobs = Counter("datayard_import_jobs", "Jobs ended by this worker", ("state",), registry=registry)
        self.claiming = Gauge("datayard_import_claiming", "1 while the worker holds a job", registry=registry)


def serve_metrics(registry: CollectorRegistry, port: int) -> None:
    """Show the registry at http://127.0.0.1:port/metrics from a thread; port 0 shows nothing."""
    if port:
        start_http_server(port, addr="127.0.0.1", registry=registry)
