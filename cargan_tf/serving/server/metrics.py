"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Seconds; a picture takes some milliseconds at 64×64 and a second or more at 256×256.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one server."""

    def __init__(self, max_batch: int) -> None:
        """Batches of up to ``max_batch`` sounds are counted."""
        registry = CollectorRegistry()
        self.requests = Counter(
            "cargan_requests",
            "Requests answered, by interface and status",
            ["interface", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "cargan_request_seconds",
            "From a request's first byte to its answer",
            ["interface"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.at_work = Gauge(
            "cargan_requests_at_work", "Requests being read, waiting or drawn", registry=registry
        )
        self.batch = Histogram(
            "cargan_batch_sounds",
            "Sounds drawn at once",
            buckets=range(1, max_batch + 1),
            registry=registry,
        )
        self._registry = registry

    def page(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)
