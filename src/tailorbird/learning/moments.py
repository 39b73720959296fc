"""The moments of a log at which a slate could have been asked for, and what was wanted then: the ranker's questions.

Three kinds. A visit's *beginning* asks for a home page. *Later* on, whoever found another item on a list could have
been shown it beside the item before. And a *slate* that was clicked says which of the items on it were wanted and which
were passed over, at the same place and by the same person: the only kind that is free of what the shop chose to show.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from tailorbird.config import Config
from tailorbird.features.list_clicks import SLATES
from tailorbird.features.online_state import OnlineState
from tailorbird.identity.joins import Identities
from tailorbird.types import Event, Record


@dataclass(frozen=True)
class Moment:
    """A moment, right before record ``seq``, at which a slate could have been asked for, and what was wanted then.

    It is a session's beginning, be that a search, since a home page is asked for before it; or comes before a list on
    which the person then found an item (before the touch itself where no list was reported): once a list was seen, what
    stands on it is known to have been shown.
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

    def learn(self, item: int, grade: int) -> None:
        """Something said afterwards of an item, such as how long its page was looked at."""
        if item in self.grades:
            self.grades[item] = max(self.grades[item], grade)

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


def moments(records: Iterable[Record], config: Config, cut: int, identities: Identities | None = None) -> list[Moment]:
    """All moments of the records after number ``cut``; the records start with the log, ``identities`` with nobody.

    Only first touches, because a list made between a look at an item and its purchase would teach the ranker to show
    people what they are looking at. What somebody sent back later, they had not wanted.
    """
    gap = config.events.session_gap_minutes * 60
    state = OnlineState(config.events, (), identities=identities or Identities(config.identity))
    decoder = msgspec.json.Decoder(Event)
    sessions: dict[int, _Session] = {}
    found: list[tuple[int, Moment]] = []
    sent_back: set[tuple[int, int]] = set()
    for record in records:
        steps = state.steps(record)
        grade = config.training.grade(decoder.decode(record.body)) if steps else 0
        for step in steps:
            if step.type == "refund":
                sent_back.add((step.person, step.item))
            wanted = step.weight > 0 and grade > 0
            session = sessions.get(step.person)
            if not wanted and step.type not in {"list_view", "search"}:
                if session and step.weight == 0:
                    session.learn(step.item, grade)
                continue
            if session is None or step.at - session.last_at > gap:
                found.extend((step.person, moment) for moment in (session.moments(cut) if session else ()))
                session = sessions[step.person] = _Session(record.seq, step.at)
            session.last_at = step.at
            if wanted:
                session.touch(step.item, record.seq, grade)
            elif step.type == "list_view":
                session.see(step.item, record.seq, recommended=step.surface in SLATES)
    for person, session in sessions.items():
        found.extend((person, moment) for moment in session.moments(cut))
    kept = (_kept(moment, {item for item in moment.grades if (who, item) not in sent_back}) for who, moment in found)
    return sorted((moment for moment in kept if moment.grades), key=lambda moment: moment.seq)


def _kept(moment: Moment, items: set[int]) -> Moment:
    """The moment, with these items alone wanted."""
    if len(items) == len(moment.grades):
        return moment
    return replace(moment, grades={item: grade for item, grade in moment.grades.items() if item in items})


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
