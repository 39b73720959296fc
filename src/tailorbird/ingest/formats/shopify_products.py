"""Shopify's products: JSON of the Admin API (REST or GraphQL) or of a storefront's products.json, and the CSV export.

Sources: Shopify "Admin REST API: Product, Product Variant", "GraphQL Admin API: Product, ProductVariant", "Perform bulk
operations" (``__parentId``), Shopify Help "Using CSV files to import and export products" in the names of before and
after 2025 (Handle or URL handle, Variant Price or Price) (read 2026-11).

The item is the variant, its group the product. The CSV export knows no ids: there the item is the variant's SKU, or
else handle/option/option, and the group is the handle. Pixel events name variants by id, so that only JSON fits them.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from tailorbird.errors import MissingField
from tailorbird.ingest.fields import read_flag, read_positive
from tailorbird.ingest.formats.facts import Arrival, Fact, as_object, at_path, compact, first_of, plain_name
from tailorbird.ingest.formats.shopify import last_part

_HANDLE: Final = ("urlhandle", "handle")
_DESCRIPTION: Final = ("bodyhtml", "descriptionhtml", "description")
_TYPE: Final = ("producttype", "type")
_SKU: Final = ("variantsku", "sku")
_PRICE: Final = ("variantprice", "price")
_LIST_PRICE: Final = ("variantcompareatprice", "compareatprice")
_STOCK: Final = ("variantinventoryqty", "inventoryquantity")
_TRACKER: Final = ("variantinventorytracker", "inventorytracker", "inventorymanagement")
_POLICY: Final = ("variantinventorypolicy", "inventorypolicy", "continuesellingwhenoutofstock")
_BARCODE: Final = ("variantbarcode", "barcode")
_IN_SHOP: Final = ("published", "publishedononlinestore", "availableforsale", "available")
_IMAGES: Final = ("variantimage", "variantimageurl", "featuredimage", "image", "featuredmedia")
_PRODUCT_IMAGES: Final = ("imagesrc", "productimageurl", "featuredimage", "image", "featuredmedia")
"""Names, letters and digits alone: of the two CSV exports, of REST and of GraphQL."""

_OPTIONS: Final = ("1", "2", "3")
_NO_OPTION: Final = "Default Title"
_OF_A_VARIANT: Final = (*_SKU, *_PRICE, "option1value")


class ShopifyProducts:
    """Pages of products, products, lines of a bulk operation, or rows of the CSV export: variant by variant."""

    name: ClassVar[str] = "shopify"
    theirs: ClassVar[Mapping[str, str]] = {"item_id": "variants[].id"}

    def __init__(self) -> None:
        """No product came yet."""
        self._product: dict[str, Any] = {}

    def messages(self, document: Any) -> Iterator[Any]:
        """A message for each variant, with its product. A row that only adds a picture is none."""
        for found in _products(document):
            if not isinstance(found, Mapping):
                yield {"product": found}
                continue
            given = _plain(found)
            variants = _listed(given.get("variants"))
            if variants is not None:
                yield from ({"product": given, "variant": variant} for variant in variants)
            elif "__parentId" in found:
                if "/ProductVariant/" in str(found.get("id")) and self._product.get("id") == found["__parentId"]:
                    yield {"product": self._product, "variant": found}
            elif "id" in given:
                self._product = given
            else:
                handle = first_of(given, _HANDLE)
                if handle is None or handle != first_of(self._product, _HANDLE):
                    self._product = given
                if handle is None or first_of(given, _OF_A_VARIANT) is not None:
                    yield {"product": self._product, "variant": found}

    def facts(self, message: Mapping[str, Any], arrival: Arrival) -> Iterator[Fact]:
        """The variant as an item."""
        del arrival  # a catalogue holds for the time when it is read
        pair = as_object("A product", message)
        product = as_object("A product", pair.get("product"))
        variant = _plain(as_object("A variant", pair.get("variant")))
        handle = first_of(product, _HANDLE)
        options = _options(product, variant)
        if "id" in product:
            item_id = last_part(variant.get("id"))
        elif handle is None:
            raise MissingField("Handle is missing.", hint="Send products with their variants, or the CSV export.")
        else:
            item_id = first_of(variant, _SKU) or "/".join(str(part) for part in (handle, *options.values()))
        price, list_price = _amount(variant, _PRICE), _amount(variant, _LIST_PRICE)
        facts = {
            "item_id": item_id,
            "group_id": last_part(product.get("id")) or handle,
            "title": product.get("title"),
            "description": _text(first_of(product, _DESCRIPTION)),
            "categories": _categories(product),
            "brand": product.get("vendor"),
            "price": price,
            "list_price": list_price if (list_price or 0) > (price or 0) else None,
            "currency": at_path(first_of(variant, _PRICE), "currencyCode"),
            "tags": _tags(product.get("tags")),
            "available": _in_shop(product, variant),
            "stock": _stock(variant),
            "image_url": _image(variant, _IMAGES, product) or _image(product, _PRODUCT_IMAGES, product),
            "url": product.get("onlinestoreurl") or _address(handle, variant.get("id")),
            "created_at": first_of(product, ("publishedat", "createdat")),
            "attributes": compact(
                {**options, "sku": first_of(variant, _SKU), "barcode": first_of(variant, _BARCODE)},
            ),
        }
        yield Fact("item", compact(facts))


def _products(document: Any) -> Sequence[Any]:
    """The products of a page, as either API sends it; or the one document."""
    for names in (("data", "products"), ("products",), ("data", "product"), ("product",)):
        found = at_path(document, *names)
        if found is not None:
            listed = _listed(found)
            return [found] if listed is None else listed
    return [document]


def _listed(value: Any) -> Sequence[Any] | None:
    """A list, or what GraphQL makes of one."""
    if isinstance(value, Mapping):
        nodes, edges = value.get("nodes"), value.get("edges")
        value = nodes if nodes is not None else edges
        if nodes is None and isinstance(edges, list):
            return [at_path(edge, "node") for edge in edges]
    return value if isinstance(value, list) else None


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {plain_name(name): value for name, value in record.items()}


def _options(product: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, Any]:
    """Colour, size and the like under the shop's own names."""
    chosen = variant.get("selectedoptions")
    if isinstance(chosen, list):
        pairs = [(at_path(option, "name"), at_path(option, "value")) for option in chosen]
    else:
        declared = product.get("options")
        of_json = [at_path(one, "name") for one in declared] if isinstance(declared, list) else []
        names = [product.get(f"option{n}name") for n in _OPTIONS]
        names = [name or given for name, given in zip(names, [*of_json, None, None, None], strict=False)]
        values = [first_of(variant, (f"option{n}value", f"option{n}")) for n in _OPTIONS]
        pairs = [(name or f"option{n}", value) for n, name, value in zip(_OPTIONS, names, values, strict=True)]
    return {str(name): value for name, value in pairs if value not in (None, "", _NO_OPTION)}


def _amount(variant: Mapping[str, Any], names: Sequence[str]) -> float | None:
    value = first_of(variant, names)
    if isinstance(value, Mapping):
        value = value.get("amount")
    return None if value is None else read_positive("price" if names is _PRICE else "compare_at_price", value)


def _categories(product: Mapping[str, Any]) -> list[Any]:
    """Shopify's own category, where it is known, and the shop's type below it."""
    category = first_of(product, ("productcategory", "category"))
    path = at_path(category, "fullName") if isinstance(category, Mapping) else category
    steps = [step.strip() for step in path.split(">")] if isinstance(path, str) else []
    of_shop = first_of(product, _TYPE)
    return [*steps, of_shop] if of_shop and of_shop not in steps else steps


def _tags(tags: Any) -> Any:
    return [tag.strip() for tag in tags.split(",")] if isinstance(tags, str) else tags


def _in_shop(product: Mapping[str, Any], variant: Mapping[str, Any]) -> bool:
    """Whether customers see it: active, published, and for sale where that is said."""
    status = product.get("status")
    if isinstance(status, str) and status.strip().lower() not in ("", "active"):
        return False
    if "publishedat" in product and product["publishedat"] is None:
        return False
    said = [(name, one.get(name)) for one in (product, variant) for name in _IN_SHOP]
    return not any(read_flag(name, value) is False for name, value in said)


def _stock(variant: Mapping[str, Any]) -> Any:
    """The pieces, where Shopify counts them and stops selling at none."""
    tracked = first_of(variant, _TRACKER) is not None or at_path(variant.get("inventoryitem"), "tracked") is True
    goes_on = str(first_of(variant, _POLICY)).strip().lower() in ("continue", "true")
    return first_of(variant, _STOCK) if tracked and not goes_on else None


def _image(given: Mapping[str, Any], names: Sequence[str], product: Mapping[str, Any]) -> Any:
    """The address of the picture: of this variant where ``given`` is one, or the product's first."""
    images = _listed(product.get("images")) or []
    wanted = given.get("imageid")
    if given is product:
        images = [*(first_of(given, (name,)) for name in names), *images]
    else:
        of_variant = [image for image in images if wanted is not None and at_path(image, "id") == wanted]
        images = [*(first_of(given, (name,)) for name in names), *of_variant]
    return next((address for image in images if (address := _source(image))), None)


def _source(image: Any) -> Any:
    if isinstance(image, str):
        return image
    inner = at_path(image, "preview", "image") or image
    return at_path(inner, "src") or at_path(inner, "url")


def _address(handle: Any, variant_id: Any) -> str | None:
    if not isinstance(handle, str):
        return None
    return f"/products/{handle}" + (f"?variant={last_part(variant_id)}" if variant_id else "")


def _text(markup: Any) -> Any:
    """What a reader sees of HTML, in one pass; anything but text as it is.

    >>> _text("<p>Holds <b>much</b> &amp; more</p><style>p{}</style>")
    'Holds much & more'
    """
    if not isinstance(markup, str):
        return markup
    first, *rest = markup.split("<")
    pieces = [first]
    for piece in rest:
        tag, closed, after = piece.partition(">")
        if not closed:
            pieces.append(f"<{tag}")
        elif not tag.lower().startswith(("script", "style")):
            pieces.append(after)
    return " ".join(html.unescape(" ".join(pieces)).split())
