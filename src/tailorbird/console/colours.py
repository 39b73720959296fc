"""Which colour a shop's word names, and the tones that a picture of that colour is drawn in.

A picture of a camel coat has to be camel in the light and in the dark, or it contradicts its title. The thing itself
therefore keeps its colour, and what is around it gives way: two tints behind it, and an outline that takes over where
the thing would sink into them (a white shirt on paper, a black one at night). Contrast is WCAG 2.2's, 1.4.11.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

from tailorbird.catalogue import words
from tailorbird.types import Item

ENOUGH: Final = 3.0
"""The contrast at which a shape is told from what is behind it."""

COLOURS: Final[Mapping[str, str]] = {
    # Whites, greys and blacks.
    "white": "#fbfbf8", "ivory": "#f8f1dc", "cream": "#f6ecd0", "ecru": "#e9dfc6", "pearl": "#ece7df",
    "silver": "#b9bfc6", "grey": "#868c92", "gray": "#868c92", "slate": "#5b6772", "graphite": "#474c52",
    "charcoal": "#3b4147", "anthracite": "#33383d", "black": "#1d1e21",
    # Browns and naturals.
    "natural": "#d9c8a9", "oatmeal": "#ddcfb6", "beige": "#dcc9a6", "sand": "#d8bf90", "stone": "#b9af9f",
    "taupe": "#8d7c6b", "khaki": "#a79a66", "camel": "#c39255", "tan": "#cb9e6b", "caramel": "#b8742f",
    "cognac": "#9a4f1f", "copper": "#b36a3c", "bronze": "#8c6531", "walnut": "#6b4a34", "brown": "#7a4b2a",
    "chocolate": "#54321f", "espresso": "#402a20", "mocha": "#7b5a48",
    # Reds and oranges.
    "red": "#c8322b", "scarlet": "#c9241f", "crimson": "#a81c36", "cherry": "#a5192f", "ruby": "#9b1b3b",
    "burgundy": "#6f1830", "bordeaux": "#651a2c", "maroon": "#6c1d26", "wine": "#6e1e36", "rust": "#b04a1c",
    "terracotta": "#c0623f", "brick": "#a2432f", "coral": "#f07d63", "salmon": "#f09482", "orange": "#ea7a1c",
    "apricot": "#f3ae76", "peach": "#f8bd97",
    # Pinks and purples.
    "pink": "#e780a4", "rose": "#d8738a", "blush": "#eabfbb", "fuchsia": "#c72c82", "magenta": "#bd2a7c",
    "purple": "#7a43a6", "violet": "#7346b5", "plum": "#6b2f58", "aubergine": "#452140", "mauve": "#a988a8",
    "lilac": "#bfa0d3", "lavender": "#b3a5dd",
    # Blues.
    "blue": "#2f66b8", "navy": "#22315f", "indigo": "#3a3b8a", "denim": "#44678f", "cobalt": "#2049a8",
    "azure": "#3a93dd", "sky blue": "#82c0e8", "light blue": "#9cc6ea", "baby blue": "#a9cfec",
    "pale blue": "#b3d0e8", "royal blue": "#2b4fc0", "midnight blue": "#1c2749", "midnight": "#1c2749",
    "dark blue": "#1f3469", "petrol": "#17586b",
    # Greens and what lies between them and blue.
    "teal": "#1a7a78", "turquoise": "#2fb3b0", "aqua": "#56c3c6", "cyan": "#2bb0c9", "mint": "#a6dcc0",
    "green": "#37824c", "light green": "#9ccf9b", "dark green": "#1d4a31", "forest green": "#22502f",
    "bottle green": "#17422f", "emerald": "#14804f", "sage": "#9dac8a", "moss": "#6a7440", "olive": "#6d6e2c",
    "lime": "#a6c934",
    # Yellows.
    "yellow": "#f2cc3c", "mustard": "#cf9a22", "ochre": "#c08a2b", "gold": "#c79a3a", "lemon": "#f3df61",
}  # fmt: skip
"""Words for colours, of one part or two, as the shops of many trades use them."""

_Parts: TypeAlias = tuple[int, int, int]

_ATTRIBUTE: Final = re.compile(r"colou?rs?", re.IGNORECASE)
_LIGHT_PAPER: Final = (241, 239, 233)
_DARK_PAPER: Final = (36, 43, 39)
_INK: Final = (27, 35, 31)
_CHALK: Final = (238, 243, 240)


@dataclass(frozen=True)
class Tones:
    """What a picture is drawn in under one theme: behind the thing, the thing, its outline, and marks upon it."""

    ground: str
    shade: str
    thing: str
    outline: str
    detail: str


def named(text: str) -> str | None:
    """The colour that a text names first, a pair of words before its parts; None when it names none.

    >>> named("Sky blue shirt") == COLOURS["sky blue"], named("Plain shirt") is None
    (True, True)
    """
    said = words(text)
    for first, second in pairwise([*said, ""]):
        colour = COLOURS.get(f"{first} {second}") or COLOURS.get(first)
        if colour is not None:
            return colour
    return None


def colour_of(item: Item) -> str | None:
    """What an item says of its colour: its attribute, else its title; None when it says nothing that is known here."""
    said = (str(value) for name, value in item.attributes.items() if _ATTRIBUTE.fullmatch(name))
    return next(filter(None, map(named, said)), None) or named(item.title)


@lru_cache(maxsize=1024)
def tones(colour: str, *, dark: bool) -> Tones:
    """The tones of one colour (``#rrggbb``) on light paper or on dark."""
    thing, paper = _parts(colour), _DARK_PAPER if dark else _LIGHT_PAPER
    ground, shade = (_mixed(thing, paper, share) for share in ((0.20, 0.34) if dark else (0.13, 0.28)))
    outline = _standing_out(thing, (ground, shade), _CHALK if dark else _INK)
    detail = max((_mixed(thing, edge, 0.15) for edge in (_INK, (255, 255, 255))), key=lambda one: _contrast(one, thing))
    return Tones(*map(_written, (ground, shade, thing, outline, detail)))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21 (WCAG 2.2, definitions)."""
    return _contrast(_parts(one), _parts(other))


def _standing_out(thing: _Parts, behind: tuple[_Parts, ...], towards: _Parts) -> _Parts:
    """The colour nearest to the thing's own on its way ``towards`` another that can be told from all ``behind`` it."""
    for step in range(11):
        line = _mixed(towards, thing, step / 10)
        if all(_contrast(line, one) >= ENOUGH for one in behind):
            return line
    return towards


def _contrast(one: _Parts, other: _Parts) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(parts: _Parts) -> float:
    """Relative luminance, from 0 to 1."""
    red, green, blue = (p / 3294.6 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(one: _Parts, other: _Parts, share: float) -> _Parts:
    """``share`` of one colour with the rest of the other."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _parts(colour: str) -> _Parts:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _written(parts: _Parts) -> str:
    return "#{:02x}{:02x}{:02x}".format(*parts)
