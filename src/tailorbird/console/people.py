"""Whom to see the shop as: found by id, drawn from those who are active, or a visitor who was never here."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tailorbird.app import App
from tailorbird.config import DEFAULT_WEIGHTS
from tailorbird.features.affinity import BRAND, CATEGORY, Taste
from tailorbird.features.customer import Customer, customer
from tailorbird.types import NOBODY, Item, Person, person_key

_DRAWS: Final = 200
_ENOUGH: Final = 4
_TOLD: Final = {
    "purchase": "bought", "cart_add": "put in the cart", "wishlist_add": "saved", "review": "reviewed",
    "item_view": "looked at",
}  # fmt: skip


@dataclass(frozen=True)
class Portrait:
    """One person as a page shows them. ``tastes`` are (category, share) pairs; ``recent`` is newest first."""

    key: str
    known: bool
    n_history: int
    personalised: bool
    tastes: list[tuple[str, float]]
    brands: list[tuple[str, float]]
    recent: list[tuple[Item, float, str]]
    cart: list[str]
    bought: int
    customer: Customer
    devices: list[dict[str, Any]]


def find_person(app: App, text: str) -> str | None:
    """The key that a person's id, or a whole key, stands for; None when nobody is known by it."""
    name = text.strip()
    keys = (name, person_key(name, None), person_key(None, name)) if name else ()
    state = app.engine.state
    return next((key for key in keys if (p := state.person(key)).number != NOBODY or p.user is not None), None)


def random_active(app: App, lately: Sequence[str] = ()) -> str | None:
    """Somebody with a history: one of those active ``lately``, else of everybody; None in a shop without people."""
    awake = [key for key in lately if len(app.engine.state.person(key).history) >= _ENOUGH]
    keys = awake if len(awake) > 2 else app.engine.state.keys
    best, longest = None, 0
    for _ in range(min(_DRAWS, 4 * len(keys))):
        key = keys[secrets.randbelow(len(keys))]
        length = len(app.engine.state.person(key).history)
        if length > longest:
            best, longest = key, length
        if longest >= _ENOUGH:
            break
    return best


def newcomer() -> str:
    """The key of a visitor who was never here."""
    return person_key(None, f"console-{secrets.token_hex(6)}")


def ids_of(key: str) -> dict[str, str]:
    """A person's key as the field of a request or an event.

    >>> ids_of("u:7"), ids_of("a:x")
    ({'user_id': '7'}, {'anonymous_id': 'x'})
    """
    kind, _, name = key.partition(":")
    return {"user_id": name} if kind == "u" else {"anonymous_id": name}


def tastes(app: App, person: Person, kind: int) -> list[tuple[str, float]]:
    """The codes of a kind (see `Taste`) that a person leans to, by name, with their shares, the strongest first."""
    taste: Taste = person.states["affinity"]
    weights, catalogue = taste.of_kind(kind), app.engine.catalogue
    names = (catalogue.brands if kind == BRAND else catalogue.categories).names
    total = sum(weights.values()) or 1.0
    return sorted(((names[code], weight / total) for code, weight in weights.items()), key=lambda pair: -pair[1])


def portrait(app: App, key: str, *, most: int = 8) -> Portrait:
    """What the engine knows of a person now. Call on the engine's thread."""
    person, catalogue = app.engine.state.person(key), app.engine.catalogue
    owned: Any = person.states["ownership"]
    history = person.history.last(2 * most)
    steps = zip(history.items.tolist(), history.at.tolist(), history.weights.tolist(), strict=True)
    # A click and the look that follows it are one thing to a reader: of what says the same, the latest.
    told = {(item, weight): at for item, at, weight in steps}
    recent = [
        (catalogue.item(item), at, _did(app, weight))
        for (item, weight), at in sorted(told.items(), key=lambda pair: -pair[1])[:most]
    ]
    return Portrait(
        key=key,
        known=key.startswith("u:"),
        n_history=len(person.history),
        personalised=person.may_personalise,
        tastes=tastes(app, person, CATEGORY)[:6],
        brands=tastes(app, person, BRAND)[:3],
        recent=recent,
        cart=[catalogue.ids[number] for number in list(owned.cart)],
        bought=len(owned.bought),
        customer=customer(app.engine.state, person, app.clock()),
        devices=app.devices(key[2:]) if key.startswith("u:") else [],
    )


def _did(app: App, weight: float) -> str:
    """What an interaction was: the history keeps its weight and not its type, so that the strongest fit is named."""
    weights = {**DEFAULT_WEIGHTS, **app.config.events.weights}
    return next((said for event, said in _TOLD.items() if weights.get(event) == weight), "showed interest in")
