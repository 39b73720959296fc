"""Pictures for items without one: steady, tellable apart, and free of what a shop wrote."""

import pytest

from tailorbird.console.art import draw, glyph_of, ground_of
from tailorbird.console.glyphs import GLYPHS, WORDS
from tailorbird.types import Item


def test_the_same_item_always_looks_the_same():
    item = Item(item_id="1", title="Blue mug", categories=("Home", "Mugs"), brand="Wren")
    assert draw(item) == draw(Item(item_id="1", title="Blue mug", categories=("Home", "Mugs"), brand="Wren"))


@pytest.mark.parametrize(
    ("item", "glyph"),
    [
        (Item(item_id="1", categories=("Home", "Mugs")), "cup"),
        (Item(item_id="1", title="large striped mug"), "cup"),
        (Item(item_id="1", title="Shoe rack", categories=("Home", "Storage")), "table"),
        (Item(item_id="1", title="Qwxz"), ""),
    ],
)
def test_the_silhouette_comes_from_the_words_of_the_leaf_first(item, glyph):
    assert glyph_of(item) == glyph


def test_an_items_own_colour_wins_over_its_categorys():
    red = Item(item_id="1", categories=("Mugs",), attributes={"colour": "dark red"})
    blue = Item(item_id="2", categories=("Mugs",), title="Blue mug")
    assert ground_of(red) != ground_of(blue) != ground_of(Item(item_id="3", categories=("Mugs",)))


def test_nothing_that_a_shop_wrote_enters_a_drawing():
    text = '"><script>alert(1)</script>'
    assert "script" not in draw(Item(item_id=text, title=text, categories=(text,), brand=text))


def test_every_drawing_is_called_by_some_word_and_every_word_by_one_drawing():
    assert set(WORDS) == set(GLYPHS)
    words = [word for line in WORDS.values() for word in line.split()]
    assert len(words) == len(set(words))
