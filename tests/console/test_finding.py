"""Finding items: filters, words, orders and pages, and the same at a million rows."""

import time

import numpy as np
import pytest

from tailorbird.catalogue import Catalogue
from tailorbird.console.finding import PAGE, Search, facets, find
from tailorbird.types import Item


@pytest.fixture(scope="module")
def catalogue():
    made = Catalogue()
    for n in range(300):
        made.upsert(
            Item(
                item_id=f"i{n}",
                title=f"{'Blue' if n % 2 else 'Red'} {'mug' if n % 3 else 'lamp'} {n}",
                categories=("Home", "Lamps" if n % 3 == 0 else "Mugs"),
                brand=f"Brand {n % 7}",
                price=None if n == 5 else float(n),
                available=n % 10 != 0,
            )
        )
    made.number("ghost")
    return made


def titles(catalogue, found):
    return [catalogue.item(n).title for n in found.numbers]


def test_an_empty_catalogue_has_one_empty_page():
    found = find(Catalogue(), Search(text="anything", order="cheapest"))
    assert (found.numbers, found.total, found.pages) == ([], 0, 1)


def test_pages_follow_each_other_without_gap_or_overlap(catalogue):
    first = find(catalogue, Search(order="dearest"))
    pages = [find(catalogue, Search(order="dearest", page=p)).numbers for p in range(1, first.pages + 1)]
    everything = [n for page in pages for n in page]
    assert len(everything) == first.total == 300
    assert len(set(everything)) == 300
    prices = [catalogue.price[n] for n in everything]
    assert prices[:-1] == sorted(prices[:-1], reverse=True)
    assert everything[-1] == 5, "what has no price comes last"


def test_a_page_beyond_the_end_is_the_last_one(catalogue):
    assert find(catalogue, Search(page=99)).page == -(-300 // PAGE)


def test_every_word_has_to_be_there(catalogue):
    found = find(catalogue, Search(text="blue lamp"))
    assert found.total == 50
    assert all("Blue lamp" in title for title in titles(catalogue, found))


def test_a_brand_or_a_category_is_found_by_its_name(catalogue):
    assert find(catalogue, Search(text="lamps brand")).total == 100


def test_common_words_end_the_walk_early_and_say_so(catalogue, monkeypatch):
    monkeypatch.setattr("tailorbird.console.finding.MOST_FOUND", 60)
    found = find(catalogue, Search(text="blue"))
    assert (found.total, found.complete) == (60, False)


def test_half_a_word_finds_too(catalogue):
    assert find(catalogue, Search(text="lam")).total == 100


def test_an_id_is_found_first(catalogue):
    assert find(catalogue, Search(text="i17")).numbers[0] == 17


def test_filters_narrow_together(catalogue):
    found = find(catalogue, Search(category="Lamps", brand="Brand 3", state="sellable"))
    assert found.total == sum(n % 3 == 0 and n % 7 == 3 and n % 10 != 0 for n in range(300))


def test_a_department_holds_its_categories(catalogue):
    assert find(catalogue, Search(category="Home")).total == 300


def test_a_category_that_does_not_exist_has_nothing(catalogue):
    assert find(catalogue, Search(category="Boats")).total == 0


def test_items_only_named_by_events_are_apart(catalogue):
    assert find(catalogue, Search(state="named")).numbers == [300]


def test_words_that_nothing_has_find_nothing(catalogue):
    found = find(catalogue, Search(text="zebra"))
    assert (found.numbers, found.complete) == ([], True)


def test_counts_add_up(catalogue):
    counted = facets(catalogue)
    assert dict(counted.categories) == {"Mugs": 200, "Lamps": 100}
    assert sum(count for _, count in counted.brands) == 300


def test_a_million_rows_are_found_in_well_under_a_second():
    """Columns of a million items, without a million records: only what a page shows is ever decoded."""
    catalogue = Catalogue()
    catalogue.upsert(Item(item_id="first", title="Blue enamel mug", categories=("Home", "Mugs"), price=3.0))
    catalogue.ids += [str(n) for n in range(999_999)]
    catalogue._bodies += [None] * 999_999
    catalogue._grow(1_000_000)
    catalogue._trim()
    for n in range(50):
        catalogue.categories.of(f"category {n}")
    catalogue.described[:] = True
    catalogue.category[1:] = np.arange(999_999) % 52
    catalogue.price[1:] = np.arange(999_999) % 997

    for search in (Search(order="cheapest", page=2_000), Search(text="enamel mug"), Search(category="Mugs")):
        start = time.perf_counter()
        found = find(catalogue, search)
        assert len(found.numbers) <= PAGE
        assert found.total >= 1
        assert time.perf_counter() - start < 2.0
    assert find(catalogue, Search(text="enamel mug")).numbers == [0]
    assert facets(catalogue).n_categories == 52
