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
from tailorbird.app import App
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
    """The engine that is looked at, and the operators who look."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.sessions = Sessions(app)
        self.heartbeat = Heartbeat(app)
        self.features = Features(app)

    def page(self, template: str, *, status: int = 200, **content: Any) -> Response[str]:
        """A whole page, or a part of one, made of a template and what it shows."""
        text = (
            _environment()
            .get_template(template)
            .render(nav=NAV, shop=self.app.config.shop, now=self.app.clock(), version=__version__, **content)
        )
        return Response(text, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


TheDesk: TypeAlias = NamedDependency[Desk]
"""How a handler asks for it: a parameter named ``desk``."""


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
