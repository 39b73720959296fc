"""A decision as tiles: what stands where and why, and what became of the slate that stood there before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tailorbird.catalogue import Catalogue
from tailorbird.console.wording import column
from tailorbird.types import Decision, Item, Placed


@dataclass(frozen=True)
class Bar:
    """A number with the length it is drawn with, from 0 to 1, and on which side."""

    name: str
    value: float
    length: float
    minus: bool = False


@dataclass(frozen=True)
class Tile:
    """One position. ``change`` says what happened since the slate before; ``moved`` by how many places."""

    item: Item
    placed: Placed
    change: Literal["", "new", "up", "down", "same"] = ""
    moved: int = 0
    channels: tuple[Bar, ...] = ()
    contributions: tuple[Bar, ...] = ()
    ranked: int | None = None
    reranked: int | None = None

    @property
    def place(self) -> int:
        """The position as people count."""
        return self.placed.position + 1


@dataclass(frozen=True)
class Change:
    """Two slates compared: how many tiles are new, rose and fell, and which left."""

    new: int
    up: int
    down: int
    gone: tuple[Tile, ...]


def tiles(decision: Decision, catalogue: Catalogue, before: Decision | None = None) -> list[Tile]:
    """The slate as tiles, each compared with where it stood in ``before``."""
    stood = {placed.item_id: placed.position for placed in before.items} if before else {}
    best = _best_per_channel(decision)
    return [_tile(placed, decision, catalogue, best, stood if before else None) for placed in decision.items]


def changes(now: list[Tile], before: Decision, catalogue: Catalogue) -> Change:
    """How a slate differs from the one before."""
    stay = {tile.item.item_id for tile in now}
    gone = tuple(tile for tile in tiles(before, catalogue) if tile.item.item_id not in stay)
    new, up, down = (sum(tile.change == change for tile in now) for change in ("new", "up", "down"))
    return Change(new, up, down, gone)


def _tile(
    placed: Placed,
    decision: Decision,
    catalogue: Catalogue,
    best: Mapping[str, float],
    stood: Mapping[str, int] | None,
) -> Tile:
    number = catalogue.find(placed.item_id)
    item = catalogue.item(number) if number >= 0 else Item(item_id=placed.item_id)
    why: dict[str, Any] = decision.explanation.get("items", {}).get(placed.item_id, {})
    change, moved = _change(placed, stood)
    return Tile(
        item,
        placed,
        change,
        moved,
        _channel_bars(placed, best),
        _contribution_bars(why.get("contributions", {})),
        _counted(why.get("rank_before_diversity")),
        _counted(why.get("rank_after_diversity")),
    )


def _change(placed: Placed, stood: Mapping[str, int] | None) -> tuple[Literal["", "new", "up", "down", "same"], int]:
    if stood is None:
        return "", 0
    if placed.item_id not in stood:
        return "new", 0
    rise = stood[placed.item_id] - placed.position
    if rise == 0:
        return "same", 0
    return ("up", rise) if rise > 0 else ("down", -rise)


def _counted(rank: int | None) -> int | None:
    return None if rank is None else rank + 1


def _best_per_channel(decision: Decision) -> dict[str, float]:
    """Scores compare only within a channel, so that a bar's length is its share of the channel's best on this slate."""
    best: dict[str, float] = {}
    for placed in decision.items:
        for name, score in placed.channels.items():
            best[name] = max(best.get(name, 0.0), abs(score))
    return best


def _channel_bars(placed: Placed, best: Mapping[str, float]) -> tuple[Bar, ...]:
    bars = [
        Bar(name, score, abs(score) / best[name] if best[name] else 0.0, score < 0)
        for name, score in placed.channels.items()
    ]
    return tuple(sorted(bars, key=lambda bar: -bar.length))


def _contribution_bars(contributions: Mapping[str, float]) -> tuple[Bar, ...]:
    longest = max((abs(value) for value in contributions.values()), default=0.0) or 1.0
    bars = [Bar(column(name), value, abs(value) / longest, value < 0) for name, value in contributions.items()]
    return tuple(sorted(bars, key=lambda bar: -bar.length))
