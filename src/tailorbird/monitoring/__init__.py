"""What the engine does, in figures, for Prometheus. The console reads the log and the ledger themselves."""

from tailorbird.monitoring.metrics import Metrics

__all__ = ["Metrics"]
