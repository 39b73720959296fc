"""A picture for an item that has none: drawn from its category, brand and colour, always the same for the same item.

A merchandiser recognises a slate by its look before reading a word, so that a tile must be tellable from its
neighbours: the silhouette comes from the words of its category and title, its colour from what the item says of it
(else from its category), the cut of the ground from its brand. What no silhouette fits gets an abstract composition.
"""

import math
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from tailorbird.catalogue import words
from tailorbird.console.colours import Tones, colour_of, tones
from tailorbird.console.glyphs import CALLED_BY, GLYPHS, WEAK
from tailorbird.types import Item

HUES: Final = (
    "#3a7d5e", "#b4623c", "#3f70a6", "#ab5672", "#8a7526", "#7163ab", "#2f7d81", "#80664b", "#65822f",
    "#98568d", "#457690", "#b5574d",
)  # fmt: skip
"""For things that name no colour: of middling lightness, so that they stand out by themselves on light and dark."""

BOX: Final = (160, 120)
_PEN, _LINE = 3.2, 2.2
_GROUND, _SHADE, _THING, _OUTLINE, _DETAIL = (f"var(--a{n})" for n in range(1, 6))


@lru_cache(maxsize=4096)
def _drawing(glyph: str, colour: str, cut: int) -> Markup:
    shape = _silhouette(GLYPHS[glyph]) if glyph in GLYPHS else _composition(cut)
    width, height = BOX
    style = _style("l", tones(colour, dark=False)) + _style("d", tones(colour, dark=True))
    return Markup(  # noqa: S704 - made of our own constants: no text of a shop enters a drawing
        f'<svg class="art" viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid slice" aria-hidden="true" '
        f'focusable="false" style="{style}">'
        f'<rect width="{width}" height="{height}" fill="{_GROUND}"/>{_cut(cut)}{shape}</svg>'
    )


def _style(theme: str, shown: Tones) -> str:
    """The tones of one theme, for the style sheet to choose between."""
    parts = (shown.ground, shown.shade, shown.thing, shown.outline, shown.detail)
    return "".join(f"--{theme}{n}:{part};" for n, part in enumerate(parts, 1))


def _silhouette(glyph: str) -> str:
    """The thing in its colour, upon the same shape drawn a little larger, which is all of the outline that is seen."""
    wider = glyph.replace('fill="currentColor"', f'fill="{_OUTLINE}" stroke="{_OUTLINE}" stroke-width="{_LINE}"')
    wider = wider.replace("currentColor", _OUTLINE).replace("#fff", "none")
    inked = glyph.replace("currentColor", _THING).replace("#fff", _DETAIL)
    pen = 'fill="none" stroke-linecap="round" stroke-linejoin="round"'
    return (
        f'<g transform="translate(43.2 23.2) scale(1.15)" {pen}>'
        f'<g stroke-width="{_PEN + _LINE}">{wider}</g><g stroke-width="{_PEN}">{inked}</g></g>'
    )


def draw(item: Item) -> Markup:
    """The item's picture as inline SVG, decorative: the title beside it says what it is."""
    return _drawing(glyph_of(item), _colour(item), _code(item.brand or item.item_id) % 24)


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


def _colour(item: Item) -> str:
    """The colour that the item names, else one that belongs to its category."""
    return (
        colour_of(item)
        or HUES[_code(item.categories[-1] if item.categories else item.brand or item.item_id) % len(HUES)]
    )


def _words_by_weight(item: Item) -> Iterator[str]:
    for category in reversed(item.categories):
        yield from reversed(words(category))
    # A title's last noun is mostly the thing itself: "mug" in "large striped mug".
    yield from reversed(words(item.title))


def _code(text: str) -> int:
    return zlib.crc32(text.encode())


def _cut(cut: int) -> str:
    """One of eight calm shapes behind the silhouette, in one of three places."""
    kind, turn = cut % 8, cut // 8
    x = (68, 80, 92)[turn]
    shapes = (
        f'<circle cx="{x}" cy="62" r="46" fill="{_SHADE}"/>',
        f'<rect x="{x - 44}" y="18" width="88" height="84" rx="26" fill="{_SHADE}"/>',
        f'<path d="M{x - 46} 120V58a46 46 0 0 1 92 0v62Z" fill="{_SHADE}"/>',
        f'<path d="M0 {74 - 8 * turn}c40-26 80 22 160-4v60H0Z" fill="{_SHADE}"/>',
        f'<path d="M0 120 {x} 8l{x - 10} 112Z" fill="{_SHADE}"/>',
        f'<path d="M{x - 60} 0h60l60 120h-60Z" fill="{_SHADE}"/>',
        f'<rect y="{66 - 6 * turn}" width="160" height="60" fill="{_SHADE}"/>',
        f'<ellipse cx="{x}" cy="66" rx="62" ry="34" transform="rotate({18 * turn - 18} {x} 66)" fill="{_SHADE}"/>',
    )
    return shapes[kind]


def _composition(cut: int) -> str:
    """For things without a silhouette: a few shapes in balance."""
    ring = (k * math.tau / 6 for k in range(6))
    shapes = (
        f'<g fill="{_THING}"><circle cx="68" cy="60" r="22"/><circle cx="94" cy="60" r="22" opacity="0.45"/></g>',
        f'<g fill="none" stroke="{_THING}" stroke-width="5">'
        + "".join(f'<path d="M{80 - r} 80a{r} {r} 0 0 1 {2 * r} 0"/>' for r in (14, 25, 36))
        + "</g>",
        f'<g fill="{_THING}">'
        + "".join(f'<circle cx="{80 + 26 * math.cos(a):.1f}" cy="{60 + 26 * math.sin(a):.1f}" r="9"/>' for a in ring)
        + f'</g><circle cx="80" cy="60" r="6" fill="{_DETAIL}"/>',
        f'<path d="M80 26c34 20 34 48 0 68-34-20-34-48 0-68Z" fill="{_THING}"/>'
        f'<path d="M80 34v52" stroke="{_DETAIL}" stroke-width="3" stroke-dasharray="3 5" fill="none"/>',
    )
    return shapes[cut % 4]
