"""The OpenAPI document and a page made of it, both from what the handlers say of themselves.

Written here instead of taken from the framework, because several bodies are read raw and every endpoint shall also list
how it fails; and the page is our own, so that nothing is fetched from another host.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader
from litestar import Litestar, MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup, escape

from tailorbird import __version__
from tailorbird.api.contract import WORDS, Words, speaks
from tailorbird.api.keys import ALLOWED, IN_ADDRESS
from tailorbird.api.problems import CODES, MEDIA_TYPE, Problem
from tailorbird.api.schemas import COMPONENTS, REF, ref
from tailorbird.errors import TailorbirdError, Unavailable


def _either(scopes: Iterable[str]) -> str:
    *most, last = sorted(scopes)
    return f"{', '.join(most)} or {last}" if most else last


_CODE: Final = re.compile(r"`+([^`]+)`+")
_ALWAYS: Final[tuple[type[TailorbirdError], ...]] = (TailorbirdError, Unavailable)
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "address": {"type": "apiKey", "in": "query", "name": IN_ADDRESS, "description": "A write key only."},
}
_IN_HEADERS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"header": []}]
_WAYS: Final[Mapping[str, list[dict[str, list[str]]]]] = {"none": [], "page": [*_IN_HEADERS, {"address": []}]}
"""How a key may come, where it is not in either header."""

_KEYS: Final = {
    "none": "Open.",
    **{needs: f"Takes a key of scope {_either(scopes)}." for needs, scopes in ALLOWED.items()},
    "page": f"Takes a key of scope {_either(ALLOWED['page'])}; a write key also as `?{IN_ADDRESS}=`, for pages that "
    "are being left.",
    "secret": "Takes a secret key only.",
}
PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


def endpoints(app: Litestar) -> Iterable[tuple[str, str, HTTPRouteHandler, Words]]:
    """Each documented endpoint: path, method in lower case, handler, and what it says of itself."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and WORDS in handler.opt:
                for method in sorted(handler.http_methods):
                    yield route.path_format, method.lower(), handler, handler.opt[WORDS]


def document(app: Litestar) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application."""
    found = sorted(endpoints(app), key=lambda one: one[:2])
    types = list({t: None for _, _, handler, words in found for t in _types(handler, words)})
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=REF)
    schema_of = dict(zip(types, schemas, strict=False))
    paths: dict[str, Any] = {}
    for path, method, handler, words in found:
        paths.setdefault(path, {})[method] = _operation(path, handler, words, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tailorbird",
            "version": __version__,
            "description": "A personalisation engine that a shop hosts itself. Errors are RFC 9457 problem details "
            "with a stable `code`.",
        },
        "paths": paths,
        "components": {"schemas": {**components, **COMPONENTS}, "securitySchemes": _SECURITY},
    }


def _types(handler: HTTPRouteHandler, words: Words) -> list[Any]:
    """What of an endpoint needs a schema made; a dict is one already."""
    return [t for t in (*words["reads"].values(), *_gives(handler, words).values()) if not isinstance(t, dict)]


def _gives(handler: HTTPRouteHandler, words: Words) -> Mapping[str, Any]:
    returned = handler.parsed_fn_signature.return_type.annotation
    return words["gives"] or ({} if returned is None or returned is type(None) else {"application/json": returned})


def _operation(path: str, handler: HTTPRouteHandler, words: Words, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    def content(types: Mapping[str, Any]) -> dict[str, Any]:
        return {media: {"schema": t if isinstance(t, dict) else schema_of[t]} for media, t in types.items()}

    gives = content(_gives(handler, words))
    good = {"description": HTTPStatus(handler.status_code).phrase, **({"content": gives} if gives else {})}
    operation: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": handler.summary,
        "description": f"{(handler.fn.__doc__ or '').strip()} {_KEYS[words['key']]}",
        "tags": sorted(handler.tags or ()),
        "responses": {str(handler.status_code): good, **_failures(words["fails"])},
    }
    if words["reads"]:
        operation["requestBody"] = {"required": True, "content": content(words["reads"])}
    if parameters := [*_path_parameters(path), *_query_parameters(words["query"])]:
        operation["parameters"] = parameters
    operation["security"] = _WAYS.get(words["key"], _IN_HEADERS)
    return operation


def _failures(fails: Iterable[type[TailorbirdError]]) -> dict[str, Any]:
    codes: dict[int, list[str]] = {}
    for error in (*fails, *_ALWAYS):
        codes.setdefault(error.status, []).append(error.code)
    return {
        str(status): {
            "description": f"{HTTPStatus(status).phrase}. Codes: {', '.join(sorted(set(codes[status])))}.",
            "content": {MEDIA_TYPE: {"schema": ref(Problem.__name__)}},
        }
        for status in sorted(codes)
    }


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "Any text of up to 256 characters; `/` may stand as it is or as %2F.",
            "schema": {"type": "string"},
        }
        for name in names
    ]


def _query_parameters(query: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in query.items()
    ]


def error_codes() -> list[tuple[str, int, str]]:
    """Every code that a problem can have, with its status and what it means."""
    found = {CODES[405]: (405, "The path is right, the method is not; the header Allow names those that are.")}
    waiting: list[type[TailorbirdError]] = [TailorbirdError]
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        found.setdefault(error.code, (error.status, meaning if error is not TailorbirdError else "Our mistake."))
    return [(code, *found[code]) for code in sorted(found)]


def _prose(text: str) -> Markup:
    """A description as HTML: what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped right here


@get(
    "/openapi.json",
    summary="This document",
    tags=["documentation"],
    **speaks(key="none", gives={"application/json": {"type": "object"}}),
)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI 3.1 document."""
    return Response(msgspec.json.encode(document(request.app)), media_type=MediaType.JSON)


@get("/docs", summary="A page to read", tags=["documentation"], **speaks(key="none", gives={"text/html": str}))
async def page(request: Request[Any, Any, Any]) -> Response[str]:
    """This document as a page; nothing on it is fetched from elsewhere."""
    environment = Environment(loader=PackageLoader("tailorbird.api"), autoescape=True, trim_blocks=True)
    environment.filters["prose"] = _prose
    text = environment.get_template("docs.html").render(document=document(request.app), codes=error_codes())
    return Response(text, media_type=MediaType.HTML, headers=PAGE_HEADERS)


handlers: Final[tuple[Any, ...]] = (openapi, page)
