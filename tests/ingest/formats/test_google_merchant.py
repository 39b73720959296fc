"""Product data as the public specification writes it, with values of our own.

Documents: Google Merchant Center Help "Product data specification" (sections named after the attributes), "RSS 2.0
specification", "Atom 1.0 specification", "Create a text feed".
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, BadTime, MissingField, WrongType
from tailorbird.ingest.formats.google_merchant import GoogleMerchant
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Item

NOW = 1_700_000_000.0
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
<channel><title>A shop</title><link>https://shop.example</link>
<item>
  <g:id>m-red</g:id><title>Red mug</title><description><![CDATA[Holds <b>much</b>]]></description>
  <link>https://shop.example/mug?colour=red</link>
  <g:image_link>https://shop.example/red.jpg</g:image_link>
  <g:availability>in_stock</g:availability><g:price>15.00 EUR</g:price><g:sale_price>12.50 EUR</g:sale_price>
  <g:brand>Kiln &amp; Co</g:brand><g:item_group_id>m</g:item_group_id><g:color>Red</g:color>
  <g:product_type>Kitchen &gt; Mugs</g:product_type><g:product_type>Gifts</g:product_type>
  <g:google_product_category>2169</g:google_product_category><g:custom_label_0>autumn</g:custom_label_0>
  <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
</item>
<item><title>Nameless</title></item>
</channel></rss>
"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>A shop</title>
<entry><id>urn:uuid:1</id><g:id>m-red</g:id><title>Red mug</title><summary>Holds much</summary>
<link href="https://shop.example/mug"/><g:price>15.00 EUR</g:price><g:availability>out of stock</g:availability></entry>
</feed>
"""
TEXT = "id\ttitle\tprice\timage link\tavailability\nm-red\tRed mug\t15.00 EUR\thttps://shop.example/red.jpg\tpreorder\n"


def item_of(row: dict[str, Any], *, now: float = NOW) -> Item:
    (entry,) = FormatReader(GoogleMerchant(), MemoryLog().current, now=now, currency="EUR").read(row).entries
    return msgspec.json.decode(entry.body, type=Item)


def items_of(path: Path, text: str) -> tuple[list[Item], Any]:
    path.write_text(text, encoding="utf-8")
    log = MemoryLog()
    report = import_file(log, path, "items", now=NOW, options=ImportOptions(fmt="google-merchant"))
    return [msgspec.json.decode(record.body, type=Item) for record in log.read(0, 10)], report


def test_an_rss_feed(tmp_path: Path) -> None:
    """RSS 2.0 specification; attributes id, price, sale_price, product_type, item_group_id, color."""
    (item,), report = items_of(tmp_path / "feed.xml", RSS)
    assert item == Item(
        item_id="m-red",
        group_id="m",
        title="Red mug",
        description="Holds <b>much</b>",
        categories=("Kitchen", "Mugs"),
        brand="Kiln & Co",
        price=12.5,
        list_price=15.0,
        currency="EUR",
        url="https://shop.example/mug?colour=red",
        image_url="https://shop.example/red.jpg",
        attributes={"color": "Red", "custom_label_0": "autumn", "google_product_category": "2169"},
    )
    assert (report.rows, report.accepted, report.rejected) == (2, 1, 1)
    assert report.reasons[0].message == "feed.xml, line 14: id is missing. Every item needs one."


def test_an_atom_feed(tmp_path: Path) -> None:
    """Atom 1.0 specification: `link` is an attribute, and the entry's own id is not the product's."""
    (item,), _ = items_of(tmp_path / "feed.xml", ATOM)
    assert (item.item_id, item.url, item.description) == ("m-red", "https://shop.example/mug", "Holds much")
    assert (item.price, item.available) == (15.0, False)


def test_a_text_feed(tmp_path: Path) -> None:
    """Create a text feed: tabs, and blanks or underscores in the names."""
    (item,), _ = items_of(tmp_path / "feed.txt", TEXT)
    assert (item.item_id, item.image_url, item.price) == ("m-red", "https://shop.example/red.jpg", 15.0)
    assert (item.available, item.attributes) == (True, {"availability": "preorder"})


@pytest.mark.parametrize(
    ("word", "available"),
    [("in stock", True), ("In_Stock", True), ("backorder", True), ("out_of_stock", False), ("", True)],
)
def test_availability(word: str, *, available: bool) -> None:
    """Attribute availability: the supported values, in the older and the newer spelling."""
    assert item_of({"id": "a", "availability": word}).available is available


def test_a_sale_holds_within_its_dates() -> None:
    """Attribute sale_price_effective_date: start and end, ISO 8601, a slash between them."""
    dates = "2023-11-14T20:00+0100/2023-11-20T20:00+0100"
    row = {"id": "a", "price": "15.00 EUR", "sale_price": "12.50 EUR", "sale_price_effective_date": dates}
    during, before, after = (item_of(row, now=NOW + days * 86_400) for days in (0, -3, 30))
    assert (during.price, during.list_price) == (12.5, 15.0)
    assert (before.price, before.list_price) == (after.price, after.list_price) == (15.0, None)


def test_what_is_wrong_is_named_as_they_name_it() -> None:
    with pytest.raises(MissingField, match=r"^id is missing"):
        item_of({"title": "Mug"})
    with pytest.raises(WrongType, match=r"availability is 'soon'; in_stock, out_of_stock"):
        item_of({"id": "a", "availability": "soon"})
    with pytest.raises(WrongType, match=r"sale_price_effective_date is '2024'; two times"):
        item_of({"id": "a", "price": "2 EUR", "sale_price": "1 EUR", "sale_price_effective_date": "2024"})
    with pytest.raises(BadTime, match=r"sale_price_effective_date is 'now'"):
        item_of({"id": "a", "price": "2 EUR", "sale_price": "1 EUR", "sale_price_effective_date": "now/then"})
    with pytest.raises(BadInput, match=r"^list_price \(price in the file\) is '2\.00 USD', but currency is 'EUR'"):
        item_of({"id": "a", "price": "2.00 USD", "sale_price": "1.00 EUR"})
    with pytest.raises(BadInput, match=r"^price \(sale_price in the file\) is 'cheap'"):
        item_of({"id": "a", "price": "2.00 USD", "sale_price": "cheap"})
    with pytest.raises(BadInput, match=r"^price is 'dear'"):
        item_of({"id": "a", "price": "dear"})
    with pytest.raises(BadInput, match=r"^url \(link in the file\) has the scheme 'javascript'"):
        item_of({"id": "a", "link": "javascript:alert(1)"})
