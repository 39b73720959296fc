"""Pictures for items without one: steady, tellable apart, and free of what a shop wrote."""

import pytest

from tailorbird.console.art import HUES, draw, glyph_of
from tailorbird.console.colours import COLOURS, ENOUGH, colour_of, contrast, named, tones
from tailorbird.console.glyphs import GLYPHS, WORDS
from tailorbird.simulator.words import THEMES
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
        (Item(item_id="1", title="Marby linen tunic, teal", categories=("Women", "Tops", "tunic")), "shirt"),
    ],
)
def test_the_silhouette_comes_from_the_words_of_the_leaf_first(item, glyph):
    assert glyph_of(item) == glyph


def test_an_items_own_colour_wins_over_its_categorys():
    red = Item(item_id="1", categories=("Mugs",), attributes={"colour": "dark red"})
    blue = Item(item_id="2", categories=("Mugs",), title="Blue mug")
    assert len({draw(red), draw(blue), draw(Item(item_id="3", categories=("Mugs",)))}) == 3


@pytest.mark.parametrize("theme", ["l", "d"])
@pytest.mark.parametrize("word", ["camel", "rust", "ecru", "navy", "sky blue", "black", "white"])
def test_a_thing_is_drawn_in_the_colour_that_its_title_names_in_the_light_and_in_the_dark(word, theme):
    coat = Item(item_id="1", title=f"Marby wool coat, {word}", categories=("Coats",))
    assert f"--{theme}3:{COLOURS[word]};" in draw(coat)


@pytest.mark.parametrize("name", ["colour", "color", "Color"])
def test_the_colour_attribute_speaks_before_the_title(name):
    assert colour_of(Item(item_id="1", title="Red Barn mug", attributes={name: "Navy"})) == COLOURS["navy"]


def test_two_words_name_a_colour_before_either_alone():
    assert colour_of(Item(item_id="1", title="Linen shirt, midnight blue")) == COLOURS["midnight blue"]


def test_the_colours_of_the_simulated_shops_are_known():
    said = {look for theme in THEMES.values() if theme.look_name == "colour" for look in theme.looks}
    assert len(said) > 20
    assert [colour for colour in said if named(colour) is None] == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("colour", sorted({*COLOURS.values(), *HUES}))
def test_every_thing_can_be_told_from_what_is_behind_it(colour, dark):
    shown = tones(colour, dark=dark)
    assert min(contrast(shown.outline, shown.ground), contrast(shown.outline, shown.shade)) >= ENOUGH
    assert contrast(shown.detail, shown.thing) >= 2.0
    assert (contrast(shown.ground, "#ffffff") > 5) == dark, "a picture belongs to the theme around it"


def test_nothing_that_a_shop_wrote_enters_a_drawing():
    text = '"><script>alert(1)</script>'
    assert "script" not in draw(Item(item_id=text, title=text, categories=(text,), brand=text))


def test_every_drawing_is_called_by_some_word_and_every_word_by_one_drawing():
    assert set(WORDS) == set(GLYPHS)
    words = [word for line in WORDS.values() for word in line.split()]
    assert len(words) == len(set(words))
