"""A picture for an item that has none: drawn from its category, brand and colour, always the same for the same item.

A merchandiser recognises a slate by its look before reading a word, so that a tile must be tellable from its
neighbours: the silhouette comes from the words of its category and title, the ground from its colour (or its category),
the cut of the ground from its brand. What no silhouette fits gets an abstract composition instead.
"""

import math
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from tailorbird.catalogue import words
from tailorbird.console.glyphs import CALLED_BY, GLYPHS, WEAK
from tailorbird.types import Item

GROUNDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("#e4efe6", "#c9e0cf", "#2f6b4f"), ("#fbeadf", "#f5d3bd", "#a3512a"), ("#e3ecf6", "#c8daee", "#2f5b8c"),
    ("#f6e6ea", "#eccbd4", "#96405c"), ("#f5f0dc", "#e9dfb6", "#7d6a1c"), ("#e9e6f5", "#d3cdec", "#5a4b96"),
    ("#def0f0", "#bfe0e1", "#22686c"), ("#efe9e3", "#ddd1c4", "#6f5641"), ("#eaf1dc", "#d5e4b8", "#557026"),
    ("#f4e7f1", "#e6cde1", "#84457a"), ("#e2eef2", "#c5dde5", "#33637a"), ("#fbe6e2", "#f3cbc3", "#a5443a"),
)  # fmt: skip
"""Ground, its shade, and ink: pairs of one hue, so that any two tiles sit well side by side."""

COLOURS: Final[dict[str, tuple[str, str, str]]] = {
    "red": ("#fbe3e0", "#f4c4be", "#b0382e"), "blue": ("#e1ebf8", "#c1d7f1", "#2a5aa0"),
    "navy": ("#dfe5f0", "#bdc9e0", "#27396b"), "green": ("#e1f0e4", "#c0dfc8", "#2c6e45"),
    "black": ("#e7e7e9", "#cfcfd4", "#26262b"), "white": ("#f5f5f2", "#e5e5df", "#84847a"),
    "grey": ("#ebedef", "#d3d7db", "#59626c"), "gray": ("#ebedef", "#d3d7db", "#59626c"),
    "silver": ("#eef0f3", "#d8dce2", "#6b7683"), "yellow": ("#fbf3d0", "#f4e39b", "#8a6d00"),
    "gold": ("#f8efd6", "#eed9a2", "#8a6410"), "orange": ("#fdebd9", "#f9d2ab", "#b15a0c"),
    "pink": ("#fbe6ee", "#f5c8d9", "#b03a6c"), "purple": ("#ece5f7", "#d6c7ef", "#6a3fa0"),
    "violet": ("#ece5f7", "#d6c7ef", "#6a3fa0"), "brown": ("#f0e7df", "#dfcdbd", "#71482a"),
    "beige": ("#f6f0e6", "#e8dcc7", "#7f6a45"), "cream": ("#faf6ea", "#eee5cb", "#80703f"),
    "teal": ("#dcf0ef", "#b7e0de", "#176a67"), "turquoise": ("#dcf2f2", "#b3e4e5", "#13707a"),
    "olive": ("#eeefdd", "#d9dcb5", "#666a1f"), "burgundy": ("#f3e0e4", "#e2bcc5", "#7c1f36"),
    "natural": ("#f4efe7", "#e4d9c9", "#76634a"), "khaki": ("#f0eddd", "#dcd6b4", "#6e642e"),
    "ivory": ("#faf7ee", "#ece6d2", "#7d724d"), "mint": ("#e0f3ea", "#bde4d1", "#22714f"),
    "coral": ("#fde6e0", "#f9c9bd", "#b8472f"), "lavender": ("#eeeaf8", "#d8d0f0", "#62519f"),
    "charcoal": ("#e6e8ea", "#cbcfd4", "#333a42"), "copper": ("#f7e6dc", "#ebc7b1", "#9a4e24"),
}  # fmt: skip

BOX: Final = (160, 120)


@lru_cache(maxsize=4096)
def _drawing(glyph: str, ground: tuple[str, str, str], cut: int) -> Markup:
    light, shade, ink = "var(--a1)", "var(--a2)", "var(--a3)"
    if glyph in GLYPHS:
        pen = 'fill="none" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"'
        inked = GLYPHS[glyph].replace("currentColor", ink).replace("#fff", light)
        shape = f'<g transform="translate(43.2 23.2) scale(1.15)" {pen}>{inked}</g>'
    else:
        shape = _composition(cut, light, ink)
    width, height = BOX
    return Markup(  # noqa: S704 - made of our own constants: no text of a shop enters a drawing
        f'<svg class="art" viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid slice" aria-hidden="true" '
        f'focusable="false" style="--g1:{ground[0]};--g2:{ground[1]};--g3:{ground[2]}">'
        f'<rect width="{width}" height="{height}" fill="{light}"/>{_cut(cut, shade)}{shape}</svg>'
    )


def draw(item: Item) -> Markup:
    """The item's picture as inline SVG, decorative: the title beside it says what it is."""
    return _drawing(glyph_of(item), ground_of(item), _code(item.brand or item.item_id) % 24)


def glyph_of(item: Item) -> str:
    """The name of the silhouette that the item's words call for, "" when none does. The leaf category speaks first.

    >>> glyph_of(Item(item_id="1", title="Blue linen shirts", categories=("Clothing", "Tops")))
    'shirt'
    >>> glyph_of(Item(item_id="2"))
    ''
    """
    called = [word for word in _words_by_weight(item) if word in CALLED_BY]
    strong = (word for word in called if word not in WEAK)
    return CALLED_BY.get(next(strong, called[0] if called else ""), "")


def ground_of(item: Item) -> tuple[str, str, str]:
    """Ground, shade and ink: the item's own colour where it has one, else one that belongs to its category."""
    for name in ("colour", "color"):
        for word in words(str(item.attributes.get(name, ""))):
            if word in COLOURS:
                return COLOURS[word]
    for word in words(item.title):
        if word in COLOURS:
            return COLOURS[word]
    return GROUNDS[_code(item.categories[-1] if item.categories else item.brand or item.item_id) % len(GROUNDS)]


def _words_by_weight(item: Item) -> Iterator[str]:
    for category in reversed(item.categories):
        yield from reversed(words(category))
    # A title's last noun is mostly the thing itself: "mug" in "large striped mug".
    yield from reversed(words(item.title))


def _code(text: str) -> int:
    return zlib.crc32(text.encode())


def _cut(cut: int, shade: str) -> str:
    """One of eight calm shapes behind the silhouette, in one of three places."""
    kind, turn = cut % 8, cut // 8
    x = (68, 80, 92)[turn]
    shapes = (
        f'<circle cx="{x}" cy="62" r="46" fill="{shade}"/>',
        f'<rect x="{x - 44}" y="18" width="88" height="84" rx="26" fill="{shade}"/>',
        f'<path d="M{x - 46} 120V58a46 46 0 0 1 92 0v62Z" fill="{shade}"/>',
        f'<path d="M0 {74 - 8 * turn}c40-26 80 22 160-4v60H0Z" fill="{shade}"/>',
        f'<path d="M0 120 {x} 8l{x - 10} 112Z" fill="{shade}"/>',
        f'<path d="M{x - 60} 0h60l60 120h-60Z" fill="{shade}"/>',
        f'<rect y="{66 - 6 * turn}" width="160" height="60" fill="{shade}"/>',
        f'<ellipse cx="{x}" cy="66" rx="62" ry="34" transform="rotate({18 * turn - 18} {x} 66)" fill="{shade}"/>',
    )
    return shapes[kind]


def _composition(cut: int, light: str, ink: str) -> str:
    """For things without a silhouette: a few shapes in balance."""
    ring = (k * math.tau / 6 for k in range(6))
    shapes = (
        f'<circle cx="68" cy="60" r="22" fill="{ink}"/><circle cx="94" cy="60" r="22" fill="{ink}" opacity="0.45"/>',
        f'<g fill="none" stroke="{ink}" stroke-width="5">'
        + "".join(f'<path d="M{80 - r} 80a{r} {r} 0 0 1 {2 * r} 0"/>' for r in (14, 25, 36))
        + "</g>",
        f'<g fill="{ink}">'
        + "".join(f'<circle cx="{80 + 26 * math.cos(a):.1f}" cy="{60 + 26 * math.sin(a):.1f}" r="9"/>' for a in ring)
        + f'</g><circle cx="80" cy="60" r="6" fill="{light}"/>',
        f'<path d="M80 26c34 20 34 48 0 68-34-20-34-48 0-68Z" fill="{ink}"/>'
        f'<path d="M80 34v52" stroke="{light}" stroke-width="3" stroke-dasharray="3 5" fill="none"/>',
    )
    return shapes[cut % 4]
