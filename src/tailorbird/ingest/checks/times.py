"""When it happened: times that are only dates or that many share, clocks that are ahead, events that come late."""

from collections.abc import Iterator, Sequence
from typing import Final

from tailorbird.config import Config
from tailorbird.ingest.checks.findings import Finding, Rows, counted, warning
from tailorbird.ingest.receipts import Receipt
from tailorbird.types import DAY_SECONDS, Record

SHARED_BY: Final = 20
"""People in a row at one and the same time, from which it is the file's time and not theirs."""

AHEAD_SECONDS: Final = 300.0
_FEW: Final = 0.01


class Times:
    """The times of all events. Constant memory."""

    def __init__(self, config: Config) -> None:
        self._late_days = config.checks.late_days
        self._late_seconds = config.checks.late_days * DAY_SECONDS
        self._began: float | None = None
        self._late, self._ahead, self._dates, self._shared = Rows(), Rows(), Rows(), Rows()
        self._at, self._person, self._run, self._run_seq, self._run_people = -1.0, "", 0, 0, 0

    def take(self, record: Record, person: str) -> None:
        """One event, and who did it."""
        at, seq = record.at, record.seq
        delay = record.recorded_at - at
        if self._began is None:
            self._began = record.recorded_at
        if delay < -AHEAD_SECONDS:
            self._ahead.add(seq)
        elif delay > self._late_seconds and at > self._began:
            # What happened before the shop began to record is its history.
            self._late.add(seq, note=f"{delay / DAY_SECONDS:.0f} days late")
        if not at % DAY_SECONDS:
            self._dates.add(seq)
        if at == self._at:
            self._run += 1
            self._run_people += person != self._person
        else:
            if self._run_people >= SHARED_BY:
                self._end_run()
            self._at, self._run, self._run_seq, self._run_people = at, 1, seq, 1
        self._person = person

    def _end_run(self) -> None:
        self._shared.add(self._run_seq, note=f"and {self._run - 1:,} after it")
        self._shared.count += self._run - 1

    def findings(self, n_events: int, receipts: Sequence[Receipt]) -> Iterator[Finding]:
        """What to know of them."""
        if self._run_people >= SHARED_BY:
            self._end_run()
            self._run_people = 0
        yield from self._untrusted(n_events, receipts)
        if self._ahead.count:
            yield warning(
                "clock_ahead",
                f"{counted(self._ahead.count, 'event')} happened over {AHEAD_SECONDS / 60:.0f} minutes after they "
                "arrived, by their own time.",
                cost="Such an event stays somebody's newest for as long as the clock is ahead: slates follow it, not "
                "what they do now, and trending counts it too long.",
                hint="Set the sender's clock, or send its time zone: a time without one is read as UTC.",
                rows=self._ahead.first,
            )
        if self._late.count:
            yield warning(
                "late_events",
                f"{counted(self._late.count, 'event')} ({self._late.count / n_events:.1%}) arrived more than "
                f"{self._late_days:g} days after they happened.",
                cost="The slates of those days were made without them, trending never saw them rise, and a click or an "
                "order this late is no label for the ranker and no success in an experiment.",
                hint="Send events as they happen. Where a file brings them, import it daily. What happened before the "
                "shop's first record is its history, and not counted here.",
                rows=self._late.first,
            )

    def _untrusted(self, n_events: int, receipts: Sequence[Receipt]) -> Iterator[Finding]:
        for receipt in receipts:
            if receipt.report.order_from is not None:
                n = receipt.report.accepted + receipt.report.duplicates
                yield warning(
                    "order_for_times",
                    f"{counted(n, 'event')} of {receipt.name} have a place in an order for a time (--order-from).",
                    cost="Who did what after what is right, but hours mean nothing: trending has nothing to go "
                    "by, v-sknn sees one long session, and what is old is not forgotten.",
                    hint="Import again with the true times, if the source has them.",
                )
        if self._shared.count > _FEW * n_events:
            yield warning(
                "shared_times",
                f"{counted(self._shared.count, 'event')} ({self._shared.count / n_events:.0%}) share their very time "
                f"with {SHARED_BY} people or more beside them in the log: it is the time of a file or of its arrival.",
                cost="There is no order within it: sasrec, bought-after and v-sknn learn sequences that never were, "
                "and the ranker's replay asks about a past that was not.",
                hint="Map the column with the time of each event to `at`; a format that has none takes the arrival's.",
                rows=self._shared.first,
            )
        elif self._dates.count > 0.5 * n_events:
            yield warning(
                "dates_without_time",
                f"{self._dates.count / n_events:.0%} of the events have a date and no time of day.",
                cost="All of a day is one moment: v-sknn and sasrec find no order in it, and a session is a day.",
                hint="Send the time of day too, if the source has it.",
                rows=self._dates.first,
            )
