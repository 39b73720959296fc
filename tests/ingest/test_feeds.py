"""Feeds as tables: one item at a time, and never more harm than one broken row."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.errors import BadEncoding, BrokenLine, UnknownFormat
from tailorbird.ingest.feeds import FeedTable
from tailorbird.ingest.tables import open_table

HEAD = '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>\n'
MUG = "<item><g:id>1</g:id><title>Mug</title></item>\n"
TAIL = "</channel></rss>"
PIECES = st.sampled_from(
    [HEAD, MUG, TAIL, "<item>", "</item>", "<g:id>", "</g:id>", "<feed>", "<entry>", "&amp;", "&x;", "<![CDATA[", "]]>"]
)


def rows_of(path: Path, text: str | bytes, encoding: str | None = None) -> list[Any]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_table(path, encoding=encoding).rows())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.xml"


def test_items_with_their_lines(path: Path) -> None:
    nested = "<item><g:id>2</g:id><g:size>S</g:size><g:size>M</g:size><g:tax><g:rate>7</g:rate></g:tax></item>"
    assert rows_of(path, HEAD + MUG + nested + TAIL) == [
        (2, {"id": "1", "title": "Mug"}),
        (3, {"id": "2", "size": ["S", "M"], "tax": {"rate": "7"}}),
    ]


def test_the_products_own_element_stands_for_the_feeds(path: Path) -> None:
    both = "<item><title>Feed</title><g:title>Product</g:title><id>urn:1</id><g:id>1</g:id><id>urn:2</id></item>"
    assert rows_of(path, HEAD + both + TAIL) == [(2, {"title": "Product", "id": "1"})]


def test_a_document_type_is_refused_before_it_unfolds(path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><rss><item>&b;</item></rss>'
    with pytest.raises(UnknownFormat, match=r"feed\.xml declares a document type \(DOCTYPE\)"):
        rows_of(path, bomb)
    with pytest.raises(UnknownFormat, match="DOCTYPE"):
        rows_of(path, "<!DOCTYPE html><html></html>")


def test_xml_of_another_kind_is_refused(path: Path) -> None:
    with pytest.raises(UnknownFormat, match="is XML, but no feed: it begins with <orders>"):
        rows_of(path, '<?xml version="1.0"?><orders><order/></orders>')


def test_what_came_before_the_damage_is_kept(path: Path) -> None:
    first, (line, broken) = rows_of(path, HEAD + MUG + "<item><g:id>2</title></item>" + MUG)
    assert first == (2, {"id": "1", "title": "Mug"})
    assert line == 3
    assert isinstance(broken, BrokenLine)
    assert str(broken).startswith("The feed is damaged at line 3: mismatched tag.")
    (_, ending) = rows_of(path, HEAD + MUG)
    assert "The feed is damaged at line 3: no element found" in str(ending[1])


def test_encodings(path: Path) -> None:
    text = f'<?xml version="1.0" encoding="{{}}"?>{HEAD}<item><title>Café</title></item>{TAIL}'
    row = (2, {"title": "Café"})
    assert rows_of(path, text.format("windows-1252").encode("windows-1252")) == [row]
    assert rows_of(path, text.format("utf-16").encode("utf-16"), "utf-16") == [row]
    assert rows_of(path, b"\xef\xbb\xbf" + text.format("utf-8").encode()) == [row]
    ((_, broken),) = rows_of(path, text.format("no-such").encode())
    assert isinstance(broken, BrokenLine)


def test_a_feed_is_read_as_it_comes(path: Path) -> None:
    """Memory stays flat: an item is handed out long before the last one is read."""
    path.write_text(HEAD + MUG * 20_000 + TAIL)
    table = open_table(path)
    assert isinstance(table, FeedTable)
    rows = table.rows()
    next(rows)
    assert table.share() < 0.5
    assert table.columns == ["id", "title"]
    assert sum(1 for _ in rows) == 19_999


@settings(max_examples=200)
@given(parts=st.lists(PIECES | st.text(max_size=5), max_size=12), noise=st.binary(max_size=8), at=st.integers(5, 400))
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], noise: bytes, at: int
) -> None:
    text = ("<rss>" + "".join(parts)).encode(errors="ignore")
    path = tmp_path_factory.mktemp("feeds") / "feed.xml"
    try:
        rows = rows_of(path, text[:at] + noise + text[at:])
    except (UnknownFormat, BadEncoding):
        return
    assert all(isinstance(row, dict | BrokenLine) for _, row in rows)
