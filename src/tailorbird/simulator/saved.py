"""What a shop directory remembers of the world that its history came from, so that the same shoppers can come back."""

from pathlib import Path
from typing import Final

import msgspec

from tailorbird.errors import BadInput, NotFound
from tailorbird.simulator.world import World

FILE: Final = "simulator.json"
PART: Final = "simulator.part.json"
"""Stands in for `FILE` while the history is being written, so that a killed run can be taken up again."""


class Saved(msgspec.Struct, frozen=True):
    """The arguments of a `World`, the days of its history, and (shopper, type, item, time) of what was last bought."""

    world: str
    shoppers: int
    items: int
    seed: int
    now: float
    days: float
    bought: list[tuple[int, int, int, float]] = []

    def like(self, other: "Saved") -> bool:
        """Whether both tell of the same history but for the time at which it ends."""
        return all(
            getattr(self, name) == getattr(other, name) for name in ("world", "shoppers", "items", "seed", "days")
        )


def saved_as(world: World, days: float) -> Saved:
    """What there is to save of a world."""
    bought = [
        (shopper, kind, item, memory.bought_at[kind])
        for shopper, memory in sorted(world.shoppers.memories.items())
        for kind, item in memory.last.items()
    ]
    return Saved(world.config.name, world.shoppers.n, len(world.shelf), world.seed, world.now, days, bought)


def begin(shop_dir: Path, world: World, days: float) -> None:
    """Say that this history is being written."""
    (shop_dir / PART).write_bytes(msgspec.json.encode(saved_as(world, days)))


def finish(shop_dir: Path, world: World, days: float) -> Path:
    """Write ``simulator.json``: the history is whole."""
    path, part = shop_dir / FILE, shop_dir / PART
    part.write_bytes(msgspec.json.encode(saved_as(world, days)))
    return part.replace(path)


def begun(shop_dir: Path) -> Saved | None:
    """The history that a killed run left half written; None if there is none."""
    path = shop_dir / PART
    return _read(path) if path.exists() else None


def load_world(shop_dir: Path) -> World:
    """The world of a shop directory with its shoppers' memories.

    Raises:
        NotFound: the directory holds no simulated shop.
        BadInput: ``simulator.json`` is damaged.
    """
    path = shop_dir / FILE
    if not path.exists():
        raise NotFound(f"{shop_dir} holds no simulated shop.", hint="`tailorbird simulate shop` makes one.")
    saved = _read(path)
    world = World(saved.world, shoppers=saved.shoppers, items=saved.items, seed=saved.seed, now=saved.now)
    for shopper, kind, item, at in saved.bought:
        world.shoppers.memory(shopper).bought(kind, item, at)
    return world


def _read(path: Path) -> Saved:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Saved)
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is damaged: {error}.", hint="Make the shop anew in an empty directory.") from error
