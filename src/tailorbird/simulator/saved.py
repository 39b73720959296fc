"""What a shop directory remembers of the world that its history came from, so that the same shoppers can come back."""

from pathlib import Path
from typing import Final

import msgspec

from tailorbird.errors import BadInput, NotFound
from tailorbird.simulator.world import World

FILE: Final = "simulator.json"


class Saved(msgspec.Struct, frozen=True):
    """The arguments of a `World`, the days of its history, and (shopper, type, item, time) of what was last bought."""

    world: str
    shoppers: int
    items: int
    seed: int
    now: float
    days: float
    bought: list[tuple[int, int, int, float]]


def save_world(shop_dir: Path, world: World, days: float) -> Path:
    """Write ``simulator.json``."""
    bought = [
        (shopper, kind, item, memory.bought_at[kind])
        for shopper, memory in sorted(world.shoppers.memories.items())
        for kind, item in memory.last.items()
    ]
    saved = Saved(world.config.name, world.shoppers.n, len(world.shelf), world.seed, world.now, days, bought)
    path = shop_dir / FILE
    path.write_bytes(msgspec.json.encode(saved))
    return path


def load_world(shop_dir: Path) -> World:
    """The world of a shop directory with its shoppers' memories.

    Raises:
        NotFound: the directory holds no simulated shop.
        BadInput: ``simulator.json`` is damaged.
    """
    path = shop_dir / FILE
    if not path.exists():
        raise NotFound(f"{shop_dir} holds no simulated shop.", hint="`tailorbird simulate shop` makes one.")
    try:
        saved = msgspec.json.decode(path.read_bytes(), type=Saved)
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is damaged: {error}.", hint="Make the shop anew in an empty directory.") from error
    world = World(saved.world, shoppers=saved.shoppers, items=saved.items, seed=saved.seed, now=saved.now)
    for shopper, kind, item, at in saved.bought:
        world.shoppers.memory(shopper).bought(kind, item, at)
    return world
