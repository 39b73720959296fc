"""Counters and histograms in Prometheus' text format.

A registry of its own per server instead of the library's global one, so that two servers in one process (a test, a
notebook) do not add up. Labels hold only what we name ourselves: an id or an unknown event type as a label would grow
without end.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

from tailorbird.types import EVENT_TYPES, Decision

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_STAGE_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1)
_KNOWN_TYPES: Final = frozenset(EVENT_TYPES)

# A second series for each counter, with the time it was made, is noise on a page that people read too.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it


class Traffic:
    """What is counted of requests before and after a shop has them; the label ``shop`` is empty while none is known."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._http = Histogram(
            "tailorbird_http_seconds",
            "Time from a request's head to its answer's end.",
            ("method", "route", "shop", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def answered(self, shop: str, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP answer. ``route`` is the pattern, never the path that was asked for."""
        self._http.labels(method, route, shop, str(status)).observe(seconds)


class Metrics:
    """The figures of one shop."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = Counter(
            "tailorbird_decisions", "Slates answered.", ("surface", "degraded"), registry=self.registry
        )
        self._events = Counter(
            "tailorbird_events", "Events received over HTTP, by verdict.", ("verdict",), registry=self.registry
        )
        self._event_types = Counter(
            "tailorbird_events_accepted_by_type", "Events accepted over HTTP.", ("type",), registry=self.registry
        )
        self._unknown_items = Counter(
            "tailorbird_events_unknown_items",
            "Items named by events received over HTTP that the catalogue does not describe.",
            registry=self.registry,
        )
        self._dropped = Counter(
            "tailorbird_personal_fields_dropped",
            "Personal fields that other systems' formats carried and that were left out.",
            ("format",),
            registry=self.registry,
        )
        self._stages = Histogram(
            "tailorbird_decision_stage_seconds",
            "Time of each stage of a decision; the stage `total` is the whole.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=self.registry,
        )
        self._append = Histogram(
            "tailorbird_append_seconds",
            "Time for the log to take a group of batches, disk included.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._visible = Histogram(
            "tailorbird_visible_seconds",
            "Time from a durable append until its records hold for the next slate.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._applied = Counter("tailorbird_records_applied", "Records of the log followed.", registry=self.registry)
        self._lag = Gauge("tailorbird_follow_lag_records", "Records not yet followed.", registry=self.registry)
        self._seq = Gauge("tailorbird_seq", "Number of the last record followed.", registry=self.registry)

        self._findings = Gauge(
            "tailorbird_check_findings", "What the newest check of the data found.", ("level",), registry=self.registry
        )

    def decided(self, decision: Decision) -> None:
        """Count one slate and the milliseconds of its stages."""
        self._decisions.labels(decision.surface, "yes" if decision.degraded else "no").inc()
        for stage, ms in decision.timings_ms.items():
            if stage != "total":
                self._stages.labels(stage).observe(ms / 1000)
        self._stages.labels("total").observe(total_ms(decision.timings_ms) / 1000)

    def received(self, *, accepted: int, duplicates: int, rejected: int) -> None:
        """Count the verdicts on one batch of events."""
        for verdict, n in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            self._events.labels(verdict).inc(n)

    def accepted_type(self, event_type: str, n: int = 1) -> None:
        """Count accepted events of one type; types without a meaning here share the label ``other``."""
        self._event_types.labels(event_type if event_type in _KNOWN_TYPES else "other").inc(n)

    def unknown_items(self, n: int) -> None:
        """Count what events named and the catalogue does not describe."""
        self._unknown_items.inc(n)

    def left_at_the_door(self, form: str, n: int) -> None:
        """Count personal fields of one format that were not kept."""
        self._dropped.labels(form).inc(n)

    def appended(self, seconds: float) -> None:
        """Count one group commit."""
        self._append.observe(seconds)

    def became_visible(self, seconds: float) -> None:
        """Count one wait of an append for the engine to follow."""
        self._visible.observe(seconds)

    def followed(self, *, applied: int, seq: int, lag: int) -> None:
        """Note where the follower stands."""
        self._applied.inc(applied)
        self._seq.set(seq)
        self._lag.set(lag)

    def checked(self, levels: Mapping[str, int]) -> None:
        """Note how many findings of each level the newest check of the data has."""
        for level, n in levels.items():
            self._findings.labels(level).set(n)

    def text(self) -> bytes:
        """The page for Prometheus, in `CONTENT_TYPE`."""
        return generate_latest(self.registry)


class _Page:
    """The figures of several shops as one collection, each sample with its shop's name."""

    def __init__(self, shops: Mapping[str, Metrics], more: Sequence[Metric], traffic: Traffic) -> None:
        self._shops, self._more, self._traffic = shops, more, traffic

    def collect(self) -> Iterator[Metric]:
        """Each metric once, with the samples of all shops: Prometheus takes a name once only."""
        found: dict[str, Metric] = {}
        for shop, metrics in self._shops.items():
            for metric in metrics.registry.collect():
                whole = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                whole.samples += [sample._replace(labels={**sample.labels, "shop": shop}) for sample in metric.samples]
        yield from (*found.values(), *self._more, *self._traffic.registry.collect())


def page_of(
    shops: Mapping[str, Metrics],
    traffic: Traffic,
    *,
    refused: Mapping[str, Mapping[str, int]],
    closed: Collection[str] = (),
) -> bytes:
    """The page for Prometheus, in `CONTENT_TYPE`.

    ``refused`` says by shop and limit how often one said no; ``closed`` are shops that cannot be served.
    """
    served = Metric("tailorbird_shop_served", "1 for a shop that is served, 0 for a closed one.", "gauge")
    for shop in (*shops, *closed):
        served.add_sample(served.name, {"shop": shop}, float(shop in shops))
    limited = Metric("tailorbird_limited", "Requests refused with 429, by the setting that said no.", "counter")
    for shop, counts in refused.items():
        for limit, n in counts.items():
            limited.add_sample("tailorbird_limited_total", {"shop": shop, "limit": limit}, float(n))
    return generate_latest(_Page(shops, (served, limited), traffic))


def total_ms(timings_ms: Mapping[str, float]) -> float:
    """The whole of a decision: its ``total`` if it was measured, else the sum of the stages.

    >>> total_ms({"retrieve": 1.5, "rank": 0.5}), total_ms({"retrieve": 1.5, "total": 4.0})
    (2.0, 4.0)
    """
    return timings_ms["total"] if "total" in timings_ms else sum(timings_ms.values())
