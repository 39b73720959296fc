"""Products as the public specification writes them, with values of our own.

Documents: Shopify "Admin REST API: Product" and "Product Variant" (properties), "GraphQL Admin API: Product,
ProductVariant", "Perform bulk operations" (JSONL with __parentId), Shopify Help "Using CSV files to import and export
products" (product CSV file format; the column names of before and after 2025).
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, BadNumber, MissingField
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.formats.shopify_products import ShopifyProducts
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.types import Item

NOW = 1_700_000_000.0
PRODUCT = {
    "id": 4,
    "title": "Mug",
    "body_html": "<p>Holds <strong>much</strong> &amp; more</p>",
    "vendor": "Kiln",
    "product_type": "Mugs",
    "handle": "mug",
    "tags": "autumn, gifts",
    "status": "active",
    "published_at": "2023-01-01T00:00:00+01:00",
    "options": [{"name": "Colour"}, {"name": "Size"}],
    "images": [{"id": 1, "src": "https://cdn.example/front.jpg"}, {"id": 2, "src": "https://cdn.example/red.jpg"}],
}
RED = {
    "id": 41,
    "price": "12.50",
    "compare_at_price": "15.00",
    "sku": "MUG-RED",
    "option1": "Red",
    "option2": "L",
    "option3": None,
    "image_id": 2,
    "inventory_management": "shopify",
    "inventory_policy": "deny",
    "inventory_quantity": 7,
}
BLUE = {
    **RED,
    "id": 42,
    "option1": "Blue",
    "compare_at_price": "0.00",
    "image_id": None,
    "inventory_policy": "continue",
}
HEADER = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,"
HEADER += "Variant Compare At Price,Variant Inventory Tracker,Variant Inventory Qty,Image Src,Variant Image,Status\n"
CSV = (
    HEADER
    + 'mug,Mug,<p>Holds much</p>,Kiln,Mugs,"autumn, gifts",true,Colour,Red,MUG-RED,12.50,15.00,shopify,7,'
    + "https://cdn.example/front.jpg,,active\n"
    + "mug,,,,,,,,Blue,,13.00,,,0,https://cdn.example/back.jpg,https://cdn.example/blue.jpg,\n"
    + "mug,,,,,,,,,,,,,,https://cdn.example/side.jpg,,\n"
    + "vase,Vase,,Kiln,,,false,Title,Default Title,,40,,,,,,draft\n"
)


def items_of(*documents: Any) -> list[Item]:
    form = ShopifyProducts()
    reader = FormatReader(form, MemoryLog().current, now=NOW, currency="EUR")
    taken = [reader.read(message) for document in documents for message in form.messages(document)]
    return [msgspec.json.decode(entry.body, type=Item) for one in taken for entry in one.entries]


def test_a_page_of_products() -> None:
    """Admin REST API, "Product" and "Product Variant": the item is the variant, its group the product."""
    red, blue = items_of({"products": [{**PRODUCT, "variants": [RED, BLUE]}]})
    assert red == Item(
        item_id="41",
        group_id="4",
        title="Mug",
        description="Holds much & more",
        categories=("Mugs",),
        brand="Kiln",
        price=12.5,
        list_price=15.0,
        currency="EUR",
        tags=("autumn", "gifts"),
        stock=7.0,
        image_url="https://cdn.example/red.jpg",
        url="/products/mug?variant=41",
        created_at=1_672_527_600.0,
        attributes={"Colour": "Red", "Size": "L", "sku": "MUG-RED"},
    )
    assert (blue.item_id, blue.list_price, blue.image_url) == ("42", None, "https://cdn.example/front.jpg")
    assert (blue.stock, blue.sellable) == (None, True)  # sold on, also when there is none


@pytest.mark.parametrize(
    ("product", "variant"),
    [
        ({"status": "draft"}, {}),
        ({"published_at": None}, {}),
        ({}, {"available": False}),
        ({}, {"inventory_quantity": 0}),
    ],
)
def test_what_cannot_be_bought_is_not_for_sale(product: dict[str, Any], variant: dict[str, Any]) -> None:
    """Product, `status` and `published_at`; a storefront's products.json, `available`."""
    (item,) = items_of({**PRODUCT, **product, "variants": [{**RED, **variant}]})
    assert not item.sellable


def test_graphql() -> None:
    """GraphQL Admin API: connections, global ids, names in camel case."""
    variant = {
        "id": "gid://shopify/ProductVariant/41",
        "price": "12.50",
        "compareAtPrice": "15.00",
        "availableForSale": True,
        "inventoryQuantity": 7,
        "inventoryPolicy": "DENY",
        "inventoryItem": {"tracked": True},
        "selectedOptions": [{"name": "Colour", "value": "Red"}],
        "image": {"url": "https://cdn.example/red.jpg"},
    }
    product = {
        "id": "gid://shopify/Product/4",
        "title": "Mug",
        "descriptionHtml": "<p>Holds much</p>",
        "productType": "Mugs",
        "category": {"fullName": "Home & Garden > Kitchen"},
        "status": "ACTIVE",
        "tags": ["autumn"],
        "variants": {"nodes": [variant]},
    }
    (item,) = items_of({"data": {"products": {"edges": [{"node": product}]}}})
    assert (item.item_id, item.group_id, item.stock, item.list_price) == ("41", "4", 7.0, 15.0)
    assert (item.categories, item.attributes) == (("Home & Garden", "Kitchen", "Mugs"), {"Colour": "Red"})
    assert item.image_url == "https://cdn.example/red.jpg"


def test_lines_of_a_bulk_operation() -> None:
    """Perform bulk operations: children follow their parent and name it."""
    parent = "gid://shopify/Product/4"
    lines = [
        {"id": parent, "title": "Mug"},
        {"id": "gid://shopify/ProductVariant/41", "price": "12.50", "__parentId": parent},
        {"id": "gid://shopify/MediaImage/9", "__parentId": parent},
    ]
    (item,) = items_of(*lines)
    assert (item.item_id, item.group_id, item.title, item.price) == ("41", "4", "Mug", 12.5)


def test_the_csv_export(tmp_path: Path) -> None:
    """Product CSV file format: rows go on with a product by its handle; a row with a picture alone is no variant."""
    path = tmp_path / "products.csv"
    path.write_text(CSV, encoding="utf-8")
    log = MemoryLog()
    report = import_file(log, path, "items", now=NOW, options=ImportOptions(fmt="shopify"))
    red, blue, vase = (msgspec.json.decode(record.body, type=Item) for record in log.read(0, 10))
    assert (report.rows, report.accepted, report.skipped) == (3, 3, 0)
    assert (red.item_id, red.group_id, red.stock, red.image_url) == (
        "MUG-RED",
        "mug",
        7.0,
        "https://cdn.example/front.jpg",
    )
    assert (blue.item_id, blue.title, blue.tags, blue.price) == ("mug/Blue", "Mug", ("autumn", "gifts"), 13.0)
    assert (blue.attributes, blue.image_url) == ({"Colour": "Blue"}, "https://cdn.example/blue.jpg")
    assert blue.sellable  # nobody counts its pieces
    assert (vase.item_id, vase.available, vase.attributes) == ("vase", False, {})


def test_the_newer_names_of_the_csv_export() -> None:
    """Product CSV file format, since 2025: URL handle, SKU, Price, Compare-at price, Inventory quantity."""
    row = {
        "Title": "Mug",
        "URL handle": "mug",
        "Description": "<p>Holds much</p>",
        "Product category": "Home > Kitchen",
        "Published on online store": "TRUE",
        "SKU": "MUG-RED",
        "Option1 name": "Colour",
        "Option1 value": "Red",
        "Price": "12.50",
        "Compare-at price": "15.00",
        "Inventory tracker": "shopify",
        "Inventory quantity": "7",
        "Continue selling when out of stock": "DENY",
        "Product image URL": "https://cdn.example/front.jpg",
    }
    (item,) = items_of(row)
    assert (item.item_id, item.group_id, item.price, item.list_price, item.stock) == ("MUG-RED", "mug", 12.5, 15.0, 7.0)
    assert (item.categories, item.attributes["Colour"]) == (("Home", "Kitchen"), "Red")


def test_one_bad_variant_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    page = {"products": [{**PRODUCT, "variants": [RED, {"price": "1"}, {**BLUE, "price": "much"}, 7, BLUE]}, 8]}
    path.write_bytes(msgspec.json.encode(page))
    report = import_file(MemoryLog(), path, "items", now=NOW, options=ImportOptions(fmt="shopify"))
    assert (report.rows, report.accepted, report.rejected) == (6, 2, 4)


def test_what_is_wrong_is_named_as_they_name_it() -> None:
    with pytest.raises(MissingField, match=r"^variants\[\]\.id is missing"):
        items_of({**PRODUCT, "variants": [{"price": "1"}]})
    with pytest.raises(MissingField, match=r"^Handle is missing"):
        items_of({"Title": "Mug"})
    with pytest.raises(BadNumber, match=r"^price is 'much'"):
        items_of({**PRODUCT, "variants": [{**RED, "price": "much"}]})
    with pytest.raises(BadInput, match="A product is 7; an object is needed"):
        items_of({"products": [7]})
