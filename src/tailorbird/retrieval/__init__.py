"""Candidate generators, one file each. `RETRIEVERS` names them all.

A class is imported when it is first asked for by name: the inner loops are compiled by numba, whose import alone costs
more than everything else that a command like ``tailorbird --help`` needs.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final


class _Retrievers(Mapping[str, type]):
    """Model names to classes, in the order in which they are listed to people."""

    _PLACES: Final = {
        "popular": ("popular", "Popular"),
        "trending": ("trending", "Trending"),
        "covisitation": ("covisitation", "Covisitation"),
        "bought-after": ("bought_after", "BoughtAfter"),
        "bought-with": ("bought_with", "BoughtWith"),
        "item-knn": ("item_knn", "ItemKnn"),
        "user-knn": ("user_knn", "UserKnn"),
        "v-sknn": ("session_knn", "SessionKnn"),
        "ease": ("ease", "Ease"),
        "ials": ("ials", "ImplicitAls"),
        "sasrec": ("sasrec", "Sasrec"),
        "bert4rec": ("bert4rec", "Bert4rec"),
        "two-tower": ("two_tower", "TwoTower"),
        "lightgcn": ("lightgcn", "LightGcn"),
        "content": ("content", "Content"),
        "cold-items": ("cold_items", "ColdItems"),
    }

    def __getitem__(self, name: str) -> Any:
        module, kind = self._PLACES[name]
        return getattr(import_module(f"{__name__}.{module}"), kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self._PLACES)

    def __len__(self) -> int:
        return len(self._PLACES)

    def __contains__(self, name: object) -> bool:
        """Whether there is a model of that name; imports nothing."""
        return name in self._PLACES


RETRIEVERS: Final[Mapping[str, type]] = _Retrievers()
"""Model name -> class. Each class has a ``Config`` beside it and takes ``(config=None, arrays=None)``."""
