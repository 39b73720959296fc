"""The online state: what the log says, folded up to its last record. Lives in the process that serves.

``apply`` is the only way in, live and in replay, and takes records in the log's order; so two processes that have
applied the same records hold the same state to the bit. Nothing here is locked: one thread owns it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.catalogue import Alias, Catalogue
from tailorbird.config import EventsConfig
from tailorbird.features.calendar import Calendar
from tailorbird.features.keeping import Kept, Pairs, kept
from tailorbird.features.orders import Orders
from tailorbird.features.recent_items import RecentItems, history_of
from tailorbird.identity.answers import Consents
from tailorbird.identity.joins import KIND as SEPARATION
from tailorbird.identity.joins import Identities, Separation
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
    OrderLine,
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
    SEPARATION: msgspec.json.Decoder(Separation),
    "erased": msgspec.json.Decoder(Event),
    "expired": msgspec.json.Decoder(Event),
    "alias": msgspec.json.Decoder(Alias),
}

_OF_PERSON: Final = frozenset({Scope.USER, Scope.SESSION, Scope.PAIR})
_SEARCHED: Final = (OrderLine(""),)


class OnlineState:
    """Catalogue, people and the state of every feature view, after the records applied so far.

    ``began_seq`` is the log's end when this began to read it, as far as it was told, and ``changed_seq`` the record by
    which the past last changed, because somebody was erased, something was too old, or two ids were taken apart: what
    was read before that may be otherwise now. Numbers, for clocks may go back.
    All ``views`` are folded; those that are ``left_out`` give no columns to `read`, only to `read_view`. Any other view
    is known to nobody here: `state_of` it is None.
    """

    def __init__(
        self,
        events: EventsConfig,
        views: Iterable[type[FeatureView]],
        catalogue: Catalogue | None = None,
        identities: Identities | None = None,
        left_out: Collection[str] = (),
    ) -> None:
        self.catalogue = Catalogue() if catalogue is None else catalogue
        self.identities = identities or Identities()
        self.consents = Consents(self.identities)
        self.calendar = Calendar()
        self.began_seq, self.changed_seq = np.inf, 0
        self._events = events
        self._views = {view.name: _made(view, events) for view in views}
        self._shown = [view for name, view in self._views.items() if name not in left_out]
        self._users: dict[str, User] = {}
        self._orders = Orders(self.identities.find)
        self._n_merged = 0
        self._user_views = [view for view in self._views.values() if view.view.scope in _OF_PERSON]
        # What each of them does with a step, found once: this is the path of every event.
        self._of_person = [(view.begins_with, view.empty, view.own_update) for view in self._user_views]
        self._mortal = [(n, view) for n, view in enumerate(self._user_views) if np.isfinite(view.seconds)]
        self._swept, self._newest = 0, -np.inf
        self._recent = next((n for n, v in enumerate(self._user_views) if v.name == RecentItems.name), None)
        # Per person the states of the user views, in their order; None until there is something to keep, each of them.
        self._people: list[list[Any] | None] = []
        # To be read only: what stands for a state that has not begun.
        self._empty = [view.empty() for view in self._user_views]
        self._room = 1024
        self._item_views = [(view, view.name) for view in self._views.values() if view.view.scope is Scope.ITEM]
        self._of_item: dict[str, Array] = {name: _rows(view, self._room) for view, name in self._item_views}
        self._shop_views = [view for view in self._views.values() if view.view.scope is Scope.SHOP]
        self._of_shop: dict[str, Any] = {view.name: view.empty() for view in self._shop_views}

    @property
    def keys(self) -> list[str]:
        """Person keys by number; see `Identities`."""
        return self.identities.keys

    @property
    def views(self) -> Collection[str]:
        """Names of the views that are folded."""
        return self._views.keys()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that `read` gives, in order."""
        return tuple(column for view in self._shown for column in view.view.columns)

    @property
    def n_people(self) -> int:
        """How many people the log names; somebody who was first known by a device alone counts once."""
        return len(self.keys) - self._n_merged

    def steps(self, record: Record) -> list[Interaction]:
        """Take in what a record says of items and people, and return the interactions that are to be folded."""
        if record.kind in ("erasure", "retention"):
            self.changed_seq = record.seq
            return []
        if not record.body or record.kind not in _DECODERS:
            return []
        content: Any = _DECODERS[record.kind].decode(record.body)
        if record.kind == "item":
            self.catalogue.upsert(content)
        elif record.kind == "alias":
            self.catalogue.call(content.alias, content.item_id)
        elif record.kind == "user":
            self._users[f"u:{content.user_id}"] = content
            self.consents.say(f"u:{content.user_id}", content.consent)
        elif record.kind == "identity":
            self._join(f"a:{content.anonymous_id}", f"u:{content.user_id}", content.at, content.evidence)
        elif record.kind == SEPARATION:
            if self.identities.separate(content, record.seq):
                self.changed_seq = record.seq
        else:
            return self._steps_and_more(record.kind, content)
        return []

    def _steps_and_more(self, kind: str, event: Event) -> list[Interaction]:
        """Who an event names, what they answered, and its steps; of one that was erased or is too old, no steps."""
        key = event.person
        if event.user_id and event.anonymous_id:
            self._join(person_key(None, event.anonymous_id), key, event.at, event.type)
        if event.consent:
            self.consents.say(key, event.consent, by_page=event.by_page)
        if kind == "event":
            number = self.number(key)
            self._orders.take(event)
            self.calendar.take(event)
            return self._steps_of_event(event, number)
        if key:
            self.number(key)
        for line in event.lines:
            self.catalogue.number(line.item_id)
        return []

    def forget(self, names: Mapping[str, str]) -> None:
        """Keep nothing of these people but their numbers, which go by the new names; old key -> new key."""
        for key in names:
            self._users.pop(key, None)
        self.consents.forget(names)
        self._orders.forget(names)
        for number in self.identities.rename(names):
            if number < len(self._people):
                self._people[number] = None

    def folded(self, record: Record) -> list[Interaction]:
        """The interactions of a record that was taken in before; whoever did it is the person they are known as now."""
        if record.kind != "event":
            return []
        event = _DECODERS["event"].decode(record.body)
        return self._steps_of_event(event, self.number(event.person))

    def fold(self, step: Interaction) -> None:
        """Let every view take one step."""
        if step.item >= self._room:
            self._make_room(step.item)
        self.fold_person(step)
        catalogue = self.catalogue
        for view in self._shop_views:
            self._of_shop[view.name] = view.update(self._of_shop[view.name], step, catalogue)
        if step.item == NOBODY:
            return
        for view, name in self._item_views:
            rows = self._of_item[name]
            before = rows[step.item]
            after = view.own_update(before, step, catalogue)
            if after is not before:
                rows[step.item] = after

    def fold_person(self, step: Interaction) -> None:
        """Let the views of people alone take one step: items stay what they were."""
        catalogue, people = self.catalogue, self._people
        states = people[step.person] if step.person < len(people) else None
        if states is None:
            states = self._put(step.person, [None] * len(self._user_views))
        for n, (begins_with, empty, update) in enumerate(self._of_person):
            state = states[n]
            if state is None:
                if begins_with and step.type not in begins_with:
                    continue
                state = empty()
            states[n] = update(state, step, catalogue)
        self._sweep(step.at)

    def _sweep(self, at: float) -> None:
        """Let go of what is over, of one person a step: by the log's order alone, so that a replay does the same."""
        self._newest = max(self._newest, at)
        self._swept = (self._swept + 1) % len(self._people)
        states = self._people[self._swept]
        if states is not None:
            for n, view in self._mortal:
                if states[n] is not None:
                    states[n] = view.let_go(states[n], self._newest)

    def number(self, key: str) -> int:
        """The number of a person, given out now for a key that is new."""
        return self.identities.number(key)

    def person(self, key: str) -> Person:
        """Whoever has this key, with their states; a stranger's empty ones if nobody does."""
        number = self.identities.find(key)
        name = self._name(key, number)
        states = self._named(self._states(number))
        unit = key if number == NOBODY else self.identities.unit(number)
        return Person(key, number, self.history(number), states, self._users.get(name), self.consents.of(key), unit)

    def stranger(self, steps: Iterable[Interaction]) -> Person:
        """Somebody of whom only these interactions are known; nothing of them is kept."""
        states = [view.empty() for view in self._user_views]
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
        states = self._kept(number)
        recent = None if states is None or self._recent is None else states[self._recent]
        return History.empty() if recent is None else recent.history()

    def read(self, person: Person, request: Request, items: IntArray) -> FloatArray:
        """The features of each item for this person now, in the order of ``columns``; shape (n, len(columns))."""
        self._make_room(int(items.max(initial=0)))
        return np.concatenate([self._read(view, person, request, items) for view in self._shown], axis=1)

    def read_view(self, name: str, person: Person, request: Request, items: IntArray) -> FloatArray:
        """The columns of one view, left out or not."""
        self._make_room(int(items.max(initial=0)))
        return self._read(self._views[name], person, request, items)

    def read_nothing(self, name: str, request: Request, items: IntArray) -> FloatArray:
        """The columns of one view for nobody, and as if nothing was known of the items but their description."""
        view = self._views[name]
        state = view.view.empty()
        if view.view.scope in {Scope.ITEM, Scope.PAIR}:
            state = np.tile(state, (len(items), 1))
        return self._given(view, state, request, items)

    def state_of(self, name: str, person: Person, at: float) -> Any:
        """What a view of people, or of the shop, holds at this time; of pairs their rows by item number."""
        view = self._views.get(name)
        if view is None:
            return None
        if isinstance(view, Pairs):
            return view.by_item(person.states[name], at)
        return view.now(self._of_shop.get(name, person.states.get(name)), at, np.empty(0, np.int32))

    def _read(self, view: Kept, person: Person, request: Request, items: IntArray) -> FloatArray:
        own = self._of_item.get(view.name)
        own = self._of_shop.get(view.name, person.states.get(view.name)) if own is None else own
        return self._given(view, view.now(own, request.at, items), request, items)

    def _given(self, view: Kept, state: Any, request: Request, items: IntArray) -> FloatArray:
        if view.shop is not None:
            state = (state, self._views[view.shop].now(self._of_shop[view.shop], request.at, items))
        return view.view.read(state, request, items, self.catalogue)

    def item_rows(self, view: str) -> Array:
        """The rows of a view of scope item, by item number."""
        self._make_room(len(self.catalogue) - 1)
        return self._of_item[view][: len(self.catalogue)]

    def _states(self, number: int) -> list[Any]:
        """A person's states, to be read only."""
        kept = self._kept(number)
        if kept is None:
            return self._empty
        return [empty if state is None else state for state, empty in zip(kept, self._empty, strict=True)]

    def _kept(self, number: int) -> list[Any] | None:
        """What is kept of a person; None for NOBODY, and of whom only the key is known."""
        return self._people[number] if 0 <= number < len(self._people) else None

    def _named(self, states: Sequence[Any]) -> Mapping[str, Any]:
        return {view.name: state for view, state in zip(self._user_views, states, strict=True)}

    def _steps_of_event(self, event: Event, person: int) -> list[Interaction]:
        weight = self._events.weight(event)
        return [
            Interaction(
                person,
                self.catalogue.number(line.item_id) if line.item_id else NOBODY,
                event.at,
                event.type,
                weight if line.item_id else 0.0,
                line.quantity,
                line.price,
                event.session_id,
                event.surface,
                event.query,
            )
            for line in (self._orders.counted(event) or (_SEARCHED if event.query and not event.lines else ()))
        ]

    def _name(self, key: str, number: int) -> str:
        """The key under which whoever has this one is kept: the user's, once they are known."""
        return key if number == NOBODY else self.keys[number]

    def _join(self, anonymous: str, known: str, at: float, evidence: str) -> None:
        """From now on both keys are one person; what the anonymous one did before belongs to the known one."""
        theirs = self.consents.join(anonymous, known, at, evidence)
        if theirs != NOBODY:
            self._n_merged += 1
        past = self._kept(theirs)
        if past is None:
            return
        mine = self.number(known)
        both = zip(self._user_views, self._kept(mine) or [None] * len(past), past, strict=True)
        self._put(mine, [_merged(view, one, other) for view, one, other in both])
        self._people[theirs] = None

    def _put(self, number: int, states: list[Any]) -> list[Any]:
        if number >= len(self._people):
            self._people.extend([None] * (number + 1 - len(self._people)))
        self._people[number] = states
        return states

    def _make_room(self, item: int) -> None:
        if item < self._room:
            return
        for view, name in self._item_views:
            rows = _rows(view, 2 * item)
            rows[: self._room] = self._of_item[name]
            self._of_item[name] = rows
        self._room = 2 * item


def _merged(view: Kept, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return view.merge(one, other)


def _made(view: type[FeatureView], events: EventsConfig) -> Kept:
    made = view(keep=events.history) if view is RecentItems else view()
    return kept(made, session_seconds=events.session_gap_minutes * 60, pairs=events.history)


def _rows(view: Kept, n: int) -> Array:
    return np.tile(view.empty(), (n, 1))
