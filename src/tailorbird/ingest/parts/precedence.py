"""Which source is believed about which field, and the item that their parts come to.

Fields are taken one by one from the first source that knows them, with three exceptions: attributes and translations
are merged name by name, tags are united, and what means something only together is never torn apart: a price and its
currency, and stock and availability, of which a source further down may only add the one that says the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from tailorbird.config import CatalogueConfig, Config
from tailorbird.errors import BadInput, InvalidConfig, UnknownSource, did_you_mean
from tailorbird.ingest.items import FIELDS
from tailorbird.ingest.parts.part import UNNAMED, Part
from tailorbird.types import Item

_PRICE: Final = ("price", "list_price", "currency")
_STOCK: Final = ("stock", "available")
_BY_NAME: Final = ("attributes", "translations")
_APART: Final = (*_PRICE, *_STOCK, *_BY_NAME, "tags", "item_id", "withdrawn")
_PLAIN: Final = tuple(name for name in FIELDS if name not in _APART)
_GOES_WITH: Final[Mapping[str, str]] = {"currency": "price", "list_price": "price", "available": "stock"}
_ORDERED: Final = tuple(name for name in FIELDS if name not in {*_GOES_WITH, "item_id", "withdrawn"})


class Precedence:
    """The order in which the sources of a shop are asked for each field."""

    def __init__(self, config: CatalogueConfig) -> None:
        """As the settings have it; a source that is not among them is not asked."""
        self.sources = tuple(dict.fromkeys((*config.sources, UNNAMED)))
        self._orders = {
            field: tuple(dict.fromkeys((*first, *self.sources))) for field, first in config.precedence.items() if first
        }

    def order(self, field: str) -> Sequence[str]:
        """The sources in the order in which they are asked for a field, or for ``attributes.NAME``."""
        return self._orders.get(field) or self._orders.get(field.partition(".")[0], self.sources)

    def merge(self, item_id: str, parts: Iterable[Part]) -> Item | None:
        """The item that these parts come to; None where no source says anything any more."""
        said = {part.source: part.said for part in parts if part.source in self.sources and not part.withdrawn}
        if not said:
            return None
        fields = {name: value for name in _PLAIN if (value := self._first_known(name, said)) is not None}
        fields |= self._price(said) | self._stock(said)
        for name in _BY_NAME:
            if merged := self._by_name(name, said):
                fields[name] = merged
        if tags := [tag for source in self.order("tags") for tag in said.get(source, {}).get("tags", ())]:
            fields["tags"] = list(dict.fromkeys(tags))
        return msgspec.convert({**fields, "item_id": item_id}, Item)

    def _first_known(self, name: str, said: Mapping[str, Mapping[str, Any]]) -> Any:
        return next((said[one][name] for one in self.order(name) if one in said and name in said[one]), None)

    def _price(self, said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Price and currency of one source; the list price of the first that has one in the same currency."""
        asked = [said[source] for source in self.order("price") if source in said]
        chosen = next((one for name in _PRICE for one in asked if name in one), {})
        fields = {name: chosen[name] for name in ("price", "currency") if name in chosen}
        currency = fields.get("currency")
        listed = (one["list_price"] for one in asked if "list_price" in one and one.get("currency") == currency)
        if (list_price := next(listed, None)) is not None:
            fields["list_price"] = list_price
        return fields

    def _stock(self, said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Both from the first source that gives either; the other one from a later one that gives it alone and agrees.

        So no source takes an item off the slates that a more trusted one has in stock, nor puts one back.
        """
        fields: dict[str, Any] = {}
        for source in self.order("stock"):
            of_source = {name: said[source][name] for name in _STOCK if name in said.get(source, {})}
            if not fields or (not fields.keys() & of_source.keys() and _agree({**fields, **of_source})):
                fields |= of_source
        return fields

    def _by_name(self, field: str, said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        names = dict.fromkeys(name for source in self.sources for name in said.get(source, {}).get(field, {}))
        merged: dict[str, Any] = {}
        for name in sorted(names):
            known = [said[one][field][name] for one in self.order(f"{field}.{name}") if name in _of(said, one, field)]
            # Translations are objects of texts, merged text by text; an attribute is taken whole.
            merged[name] = (
                {text: value for one in reversed(known) for text, value in one.items()}
                if field == "translations"
                else known[0]
            )
        return merged


def _agree(fields: Mapping[str, Any]) -> bool:
    """Whether stock and availability say the same, as far as both are given."""
    return len(fields) < len(_STOCK) or fields["available"] == (fields["stock"] > 0)


def _of(said: Mapping[str, Mapping[str, Any]], source: str, field: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = said.get(source, {}).get(field, {})
    return found


def check_source(name: str, config: CatalogueConfig) -> str:
    """The name of a source, if it is one.

    Raises:
        UnknownSource: it is none of those configured, which are named.
    """
    if name in config.sources:
        return name
    if not config.sources:
        raise UnknownSource(
            f"There is no source {name[:60]!r}: the shop names none.",
            hint='Name them in tailorbird.toml: [catalogue] sources = ["erp", "pim"], the most trusted first.',
        )
    raise UnknownSource(f"There is no source {name[:60]!r}.", hint=did_you_mean(name, config.sources))


def check_sources(config: Config) -> None:
    """Refuse settings that name sources, or fields of items, that do not exist.

    Raises:
        InvalidConfig: names every one of them.
    """
    catalogue = config.catalogue
    named = [
        (f"{part}.{name}", name) for part in ("match", "unmatched", "taxonomy") for name in getattr(catalogue, part)
    ]
    named += [(f"precedence.{field}", name) for field, names in catalogue.precedence.items() for name in names]
    lines = []
    for place, name in named:
        try:
            check_source(name, catalogue)
        except BadInput as error:
            lines.append(f"  catalogue.{place}: {error}")
    lines += [
        f"  catalogue.precedence.{field}: {_not_ordered(field)}"
        for field in catalogue.precedence
        if field not in _ORDERED and not field.startswith("attributes.")
    ]
    if lines:
        raise InvalidConfig("The configuration of the catalogue's sources has mistakes:\n" + "\n".join(lines) + "\n")


def _not_ordered(field: str) -> str:
    """Why there is no order for this field, and for which one there is."""
    near = next(iter(get_close_matches(field, (*_ORDERED, *_GOES_WITH), n=1)), "")
    if near not in _GOES_WITH:
        return f"items have no such field. {did_you_mean(field, _ORDERED)}"
    meant = "" if near == field else f"items have no such field. Did you mean '{near}'? "
    return f"{meant}{near} goes with {_GOES_WITH[near]}; order {_GOES_WITH[near]}."
