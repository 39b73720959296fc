"""The online state: what the log says, folded up to its last record. Lives in the process that serves.

``apply`` is the only way in, live and in replay, and takes records in the log's order; so two processes that have
applied the same records hold the same state to the bit. Nothing here is locked: one thread owns it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.catalogue import Catalogue
from tailorbird.config import EventsConfig
from tailorbird.features.recent_items import RecentItems, history_of
from tailorbird.protocols import FeatureView, Scope
from tailorbird.types import (
    NOBODY,
    Array,
    Event,
    FloatArray,
    History,
    Identity,
    IntArray,
    Interaction,
    Item,
    Person,
    Record,
    Request,
    User,
    person_key,
)

_DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "event": msgspec.json.Decoder(Event),
    "item": msgspec.json.Decoder(Item),
    "user": msgspec.json.Decoder(User),
    "identity": msgspec.json.Decoder(Identity),
    "erased": msgspec.json.Decoder(Event),
}


class OnlineState:
    """Catalogue, people and the state of every feature view, after the records applied so far.

    ``keys`` are person keys by number; after a merge two keys have one number and the other number is never used again.
    ``began_at`` is when this began to read the log, as far as it was told, and ``erased_at`` when somebody was last
    erased: what was read before that may have been theirs.
    """

    def __init__(
        self, events: EventsConfig, views: Iterable[type[FeatureView]], catalogue: Catalogue | None = None
    ) -> None:
        self.catalogue = catalogue or Catalogue()
        self.keys: list[str] = []
        self.began_at, self.erased_at = np.inf, -np.inf
        self._events = events
        self._views: list[FeatureView] = [_made(view, events) for view in views]
        self._users: dict[str, User] = {}
        # What each person said last, by purpose, in the log's order; most say nothing.
        self._consent: dict[str, dict[str, bool]] = {}
        self._number: dict[str, int] = {}
        self._user_views = [view for view in self._views if view.scope is Scope.USER]
        self._recent = next((n for n, v in enumerate(self._user_views) if v.name == RecentItems.name), None)
        # Per person the states of the user views, in their order; None until there is something to keep.
        self._people: list[list[Any] | None] = []
        self._room = 1024
        self._of_item: dict[str, Array] = {v.name: _rows(v, self._room) for v in self._views if v.scope is Scope.ITEM}
        self._item_views = [(view, view.name) for view in self._views if view.scope is Scope.ITEM]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that `read` gives, in order."""
        return tuple(column for view in self._views for column in view.columns)

    def steps(self, record: Record) -> list[Interaction]:
        """Take in what a record says of items and people, and return the interactions that are to be folded."""
        if record.kind == "erasure":
            self.erased_at = record.at
            return []
        if not record.body:
            return []
        content: Any = _DECODERS[record.kind].decode(record.body)
        if record.kind == "item":
            self.catalogue.upsert(content)
        elif record.kind == "user":
            self._users[f"u:{content.user_id}"] = content
            self._consents(f"u:{content.user_id}", content.consent)
        elif record.kind == "identity":
            self._join(f"a:{content.anonymous_id}", f"u:{content.user_id}")
        else:
            if content.user_id and content.anonymous_id:
                self._join(person_key(None, content.anonymous_id), content.person)
            self._consents(content.person, content.consent)
            steps = self._steps_of_event(content)
            return steps if record.kind == "event" else []
        return []

    def forget(self, names: Mapping[str, str]) -> None:
        """Keep nothing of these people but their numbers, which go by the new names; old key -> new key."""
        for key, name in names.items():
            self._users.pop(key, None)
            self._consent.pop(key, None)
            number = self._number.pop(key, None)
            if number is not None:
                self._number[name], self._people[number] = number, None
        # A device that was joined to somebody keeps its key at a number that nobody has any more.
        self.keys = [names.get(key, key) for key in self.keys]

    def folded(self, record: Record) -> list[Interaction]:
        """The interactions of a record that was taken in before; whoever did it is the person they are known as now."""
        return self._steps_of_event(_DECODERS["event"].decode(record.body)) if record.kind == "event" else []

    def fold(self, step: Interaction) -> None:
        """Let every view take one step."""
        if step.item >= self._room:
            self._make_room(step.item)
        self.fold_person(step)
        catalogue = self.catalogue
        for view, name in self._item_views:
            rows = self._of_item[name]
            rows[step.item] = view.update(rows[step.item], step, catalogue)

    def fold_person(self, step: Interaction) -> None:
        """Let the views of people alone take one step: items stay what they were."""
        catalogue, states = self.catalogue, self._people[step.person]
        if states is None:
            states = self._people[step.person] = self._nothing()
        for n, view in enumerate(self._user_views):
            states[n] = view.update(states[n], step, catalogue)

    def number(self, key: str) -> int:
        """The number of a person, given out now for a key that is new."""
        number = self._number.get(key)
        if number is None:
            number = self._number[key] = len(self.keys)
            self.keys.append(key)
            self._people.append(None)
        return number

    def person(self, key: str) -> Person:
        """Whoever has this key, with their states; a stranger's empty ones if nobody does."""
        number = self._number.get(key, NOBODY)
        user = self._users.get(key if number == NOBODY else self.keys[number])
        return Person(key, number, self.history(number), self._named(self._states(number)), user, self.consent(key))

    def consent(self, key: str) -> Mapping[str, bool]:
        """What whoever has this key said last, by purpose."""
        number = self._number.get(key, NOBODY)
        return self._consent.get(key if number == NOBODY else self.keys[number], {})

    def stranger(self, steps: Iterable[Interaction]) -> Person:
        """Somebody of whom only these interactions are known; nothing of them is kept."""
        states = self._nothing()
        for step in steps:
            for n, view in enumerate(self._user_views):
                states[n] = view.update(states[n], step, self.catalogue)
        named = self._named(states)
        return Person("", NOBODY, history_of(named), named)

    def user(self, user_id: str) -> User | None:
        """What the shop told us about a user."""
        return self._users.get(f"u:{user_id}")

    def history(self, number: int) -> History:
        """The history of a person's number; empty for NOBODY."""
        states = None if number == NOBODY else self._people[number]
        return History.empty() if states is None or self._recent is None else states[self._recent].history()

    def read(self, person: Person, request: Request, items: IntArray) -> FloatArray:
        """The features of each item for this person now, in the order of ``columns``; shape (n, len(columns))."""
        self._make_room(int(items.max(initial=0)))
        parts = []
        for view in self._views:
            rows = self._of_item.get(view.name)
            state = person.states.get(view.name) if rows is None else rows[items]
            parts.append(view.read(state, request, items, self.catalogue))
        return np.concatenate(parts, axis=1)

    def item_rows(self, view: str) -> Array:
        """The rows of a view of scope item, by item number."""
        self._make_room(len(self.catalogue) - 1)
        return self._of_item[view][: len(self.catalogue)]

    def _states(self, number: int) -> list[Any]:
        """A person's states, to be read only."""
        return (None if number == NOBODY else self._people[number]) or self._nothing()

    def _nothing(self) -> list[Any]:
        return [view.empty() for view in self._user_views]

    def _named(self, states: Sequence[Any]) -> Mapping[str, Any]:
        return {view.name: state for view, state in zip(self._user_views, states, strict=True)}

    def _steps_of_event(self, event: Event) -> list[Interaction]:
        person, weight = self.number(event.person), self._events.weight(event)
        return [
            Interaction(
                person=person,
                item=self.catalogue.number(line.item_id),
                at=event.at,
                type=event.type,
                weight=weight,
                quantity=line.quantity,
                price=line.price,
                session=event.session_id,
                surface=event.surface,
            )
            for line in event.lines
        ]

    def _consents(self, key: str, said: Mapping[str, bool]) -> None:
        """Whoever has this key answers for themselves, whichever device they answer on."""
        if said:
            number = self._number.get(key, NOBODY)
            self._consent.setdefault(key if number == NOBODY else self.keys[number], {}).update(said)

    def _join(self, anonymous: str, known: str) -> None:
        """From now on both keys are one person; what the anonymous one did before belongs to the known one."""
        mine = self.number(known)
        theirs = self._number.get(anonymous)
        if before := self._consent.pop(anonymous, None):
            # Nobody loses a refusal by logging in.
            answers = self._consent.setdefault(known, {})
            answers.update({purpose: yes and answers.get(purpose, True) for purpose, yes in before.items()})
        self._number[anonymous] = mine
        if theirs is None or theirs == mine or self.keys[theirs] != anonymous:
            # The device is new, or already this person's, or it was somebody else's before: their past stays theirs.
            return
        both = zip(self._user_views, self._states(mine), self._states(theirs), strict=True)
        self._people[mine] = [view.merge(one, other) for view, one, other in both]
        self._people[theirs] = None

    def _make_room(self, item: int) -> None:
        if item < self._room:
            return
        for view, name in self._item_views:
            rows = _rows(view, 2 * item)
            rows[: self._room] = self._of_item[name]
            self._of_item[name] = rows
        self._room = 2 * item


def _made(view: type[FeatureView], events: EventsConfig) -> FeatureView:
    return view(keep=events.history) if view is RecentItems else view()


def _rows(view: FeatureView, n: int) -> Array:
    return np.tile(view.empty(), (n, 1))
