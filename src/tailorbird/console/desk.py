"""What every page of the console stands on: the running engine, who is let in, and how a page is made.

Pages are made on the server (Jinja2, everything escaped) and work without a build step; nothing on them is fetched from
another host, which the content security policy also enforces.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.di import NamedDependency
from litestar.enums import MediaType
from markupsafe import Markup
from plotly import __version__ as plotly_version

from tailorbird import __version__
from tailorbird.api.live import Live
from tailorbird.console import art, figures, wording
from tailorbird.console.access import Sessions
from tailorbird.console.features import Features
from tailorbird.console.heartbeat import Heartbeat

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Plotly sets styles by script, hence 'unsafe-inline' for styles; scripts come from our own files only."""

NAV: Final = (
    ("overview", "/console", "Overview"),
    ("see", "/console/see", "See as a user"),
    ("catalogue", "/console/catalogue", "Catalogue"),
    ("models", "/console/models", "Models"),
    ("compare", "/console/compare", "Compare"),
    ("system", "/console/system", "System"),
)


class Desk:
    """The shop that is looked at."""

    def __init__(self, live: Live) -> None:
        self.live, self.app = live, live.app
        self.heartbeat = Heartbeat(live.app)
        self.features = Features(live.app)

    def page(self, template: str, *, status: int = 200, **content: Any) -> Response[str]:
        """A whole page, or a part of one, made of a template and what it shows."""
        return page(template, status=status, shop=self.app.config.shop, now=self.app.clock(), **content)


class Desks:
    """A desk for each shop, made when somebody first looks at it, and the operators who look."""

    def __init__(self) -> None:
        self.sessions = Sessions()
        self._desks: dict[str, Desk] = {}

    def of(self, live: Live) -> Desk:
        """The desk of a shop."""
        return self._desks.get(live.name) or self._desks.setdefault(live.name, Desk(live))


def page(template: str, *, status: int = 200, shop: str, now: float, **content: Any) -> Response[str]:
    """A page of the console; ``shop`` is empty where none is known yet."""
    text = _environment().get_template(template).render(nav=NAV, shop=shop, now=now, version=__version__, **content)
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


TheDesk: TypeAlias = NamedDependency[Desk]
"""How a handler asks for it: a parameter named ``desk``."""

AllDesks: TypeAlias = NamedDependency[Desks]
"""How the door asks for them: a parameter named ``desks``."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tailorbird.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(wording.FILTERS)
    swap = Markup(_json(figures.SWAP))  # noqa: S704 - ours
    environment.globals.update(
        art=art.draw, swap=swap, plotly_version=plotly_version, columns=_columns, minus=figures.MINUS
    )
    return environment


def _json(colours: dict[str, str]) -> str:
    return "{" + ",".join(f'"{light}":"{dark}"' for light, dark in colours.items()) + "}"


def _columns(rows: Sequence[Sequence[Any]]) -> Sequence[bool]:
    """Which columns of a table hold numbers, so that they stand to the right."""
    return [all(isinstance(row[n], int | float | None) for row in rows) for n in range(len(rows[0]))] if rows else []
