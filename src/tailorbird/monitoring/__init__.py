"""What the engine does, in figures: for Prometheus, and for the people who look at the console."""

from tailorbird.monitoring.metrics import Metrics
from tailorbird.monitoring.recent import Recent

__all__ = ["Metrics", "Recent"]
