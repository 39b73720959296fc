"""The moments of a log at which a slate could have been asked for, and what was wanted then: the ranker's questions.

Three kinds. A visit's *beginning* asks for a home page. *Later* on, whoever found another item on a list could have
been shown it beside the item before. And a *slate* that was clicked says which of the items on it were wanted and which
were passed over, at the same place and by the same person: the only kind that is free of what the shop chose to show.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tailorbird.config import EventsConfig
from tailorbird.features.list_clicks import SLATES
from tailorbird.features.online_state import OnlineState
from tailorbird.learning.lists import GRADES
from tailorbird.types import Record


@dataclass(frozen=True)
class Moment:
    """A moment, right before record ``seq``, at which a slate could have been asked for, and what was wanted then.

    It is a session's beginning, or comes before a list on which the person then found an item (before the touch itself
    where no list was reported): once a list was seen, what stands on it is known to have been shown.
    ``grades`` is what they wanted from then on: items not touched before in that session, with the best grade of each.
    ``after`` is the item they had touched right before; None at the session's beginning.
    ``shown`` is what stood on a recommended slate that was clicked: then ``grades`` is about these alone.
    """

    seq: int
    after: int | None
    grades: Mapping[int, int]
    shown: frozenset[int] = frozenset()

    @property
    def kind(self) -> tuple[bool, bool]:
        """At the door or later; on a slate or not."""
        return self.after is None, bool(self.shown)


@dataclass(slots=True)
class _Session:
    """What one person did since a pause: first touches with the moment each was found at, and all touches' grades."""

    begun: int
    last_at: float
    last_item: int | None = None
    listed: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    slates: dict[int, set[int]] = field(default_factory=dict)
    found: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    grades: dict[int, int] = field(default_factory=dict)

    def see(self, item: int, seq: int, *, recommended: bool) -> None:
        """A list showed an item."""
        self.listed[item] = (seq, self.last_item)
        if recommended:
            self.slates.setdefault(seq, set()).add(item)

    def touch(self, item: int, seq: int, grade: int) -> None:
        """Interest in an item."""
        if item not in self.found:
            self.found[item] = self.listed.get(item, (seq, self.last_item))
        self.grades[item] = max(self.grades.get(item, 0), grade)
        self.last_item = item

    def moments(self, cut: int) -> Iterator[Moment]:
        """The session's beginning, and where it went on; those after ``cut``."""
        starts = {self.begun: None, **{seq: after for seq, after in self.found.values() if after is not None}}
        for start, after in starts.items():
            wanted = {item: self.grades[item] for item, (seq, _) in self.found.items() if seq >= start}
            if start > cut and wanted:
                yield Moment(start, after, wanted)
        for seq, shown in self.slates.items():
            clicked = {item: self.grades[item] for item, (start, _) in self.found.items() if start == seq}
            if seq > cut and clicked:
                after = next(self.found[item][1] for item in clicked)
                yield Moment(seq, after, clicked, frozenset(shown))


def moments(records: Iterable[Record], config: EventsConfig, cut: int) -> list[Moment]:
    """All moments of the records after number ``cut``; the records start with the log.

    Only first touches, because a list made between a look at an item and its purchase would teach the ranker to show
    people what they are looking at.
    """
    gap = config.session_gap_minutes * 60
    state = OnlineState(config, ())
    sessions: dict[int, _Session] = {}
    found: list[Moment] = []
    for record in records:
        for step in state.steps(record):
            wanted = step.weight > 0 and step.type in GRADES
            if not wanted and step.type != "list_view":
                continue
            session = sessions.get(step.person)
            if session is None or step.at - session.last_at > gap:
                found.extend(session.moments(cut) if session else ())
                session = sessions[step.person] = _Session(record.seq, step.at)
            session.last_at = step.at
            if wanted:
                session.touch(step.item, record.seq, GRADES[step.type])
            else:
                session.see(step.item, record.seq, recommended=step.surface in SLATES)
    for session in sessions.values():
        found.extend(session.moments(cut))
    return sorted(found, key=lambda moment: moment.seq)


def sample(found: Sequence[Moment], n: int, draw: np.random.Generator) -> list[Moment]:
    """About ``n`` of them, as many of each kind as there are; what one kind lacks the others get."""
    kinds: dict[tuple[bool, bool], list[Moment]] = {}
    for moment in found:
        kinds.setdefault(moment.kind, []).append(moment)
    chosen: list[Moment] = []
    for left, some in enumerate(sorted(kinds.values(), key=len)):
        share = (n - len(chosen)) // (len(kinds) - left)
        chosen += some if len(some) <= share else [some[k] for k in draw.choice(len(some), share, replace=False)]
    return chosen
