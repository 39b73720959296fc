"""The reference's page of HTTP: every endpoint of the application that is served, and every schema that travels."""
# ruff: noqa: INP001  # beside the script that reads it

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tailorbird.api.documentation import document
from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.config import Config
from tailorbird.protocols import SCOPES

from prose import anchor, in_json, prose, table

_LIMITS: Final = {"minimum": ">=", "maximum": "<=", "minLength": "characters >=", "maxLength": "characters <="}


def http() -> Iterator[str]:
    """Every endpoint of the application that is served, and every schema that travels."""
    with tempfile.TemporaryDirectory() as folder, App.open(Path(folder), config=Config()) as app:
        api = document(create_api(app))
    yield "The running server tells the same at `/openapi.json` and, to read, at `/docs`."
    yield "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. A *secret* key may do everything."
    yield "A *write* key may stand in a page: it sends events, asks for slates and identifies. The other scopes:"
    yield table(("scope of a key", "what it may"), [(f"`{scope}`", prose(told)) for scope, told in SCOPES.items()])
    yield "A refusal is an RFC 9457 problem with a `code`; see [errors](errors.md)."
    found = [(path, method, told) for path, methods in api["paths"].items() for method, told in methods.items()]
    rows = [(f"[`{m.upper()} {path}`](#{anchor(f'{m.upper()} {path}')})", told["summary"]) for path, m, told in found]
    yield table(("endpoint", "what it is for"), rows)
    for path, method, told in found:
        yield from _endpoint(path, method, told)
    yield "## What travels"
    for name, schema in sorted(api["components"]["schemas"].items()):
        yield f"### {name}"
        yield from _schema(schema)


def _endpoint(path: str, method: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield prose(told["description"])
    parameters = told.get("parameters", [])
    if parameters:
        rows = [(f"`{p['name']}`", p["in"], prose(p["description"])) for p in parameters]
        yield table(("parameter", "in", "meaning"), rows)
    if reads := told.get("requestBody", {}).get("content", {}):
        yield "Reads " + "; ".join(_media(reads)) + "."
    rows = []
    for status, answer in told["responses"].items():
        gives = answer.get("content", {})
        said = "; ".join(_media(gives)) if int(status) < 400 and gives else answer["description"]
        rows.append((status, said))
    yield table(("status", "answer"), rows)


def _media(content: Mapping[str, Any]) -> Iterator[str]:
    by_kind: dict[str, list[str]] = {}
    for media, told in content.items():
        by_kind.setdefault(_kind(told["schema"]), []).append(f"`{media}`")
    for kind, medias in by_kind.items():
        yield f"{kind} as {', '.join(medias)}"


def _schema(schema: Mapping[str, Any]) -> Iterator[str]:
    yield prose(schema.get("description", ""))
    properties = schema.get("properties", {})
    if not properties:
        yield _kind(schema) + "."
        return
    required = set(schema.get("required", ()))
    rows = [
        (f"`{name}`", _kind(part), "required" if name in required else _default(part), prose(part.get("description")))
        for name, part in properties.items()
    ]
    yield table(("field", "type", "default", "meaning"), rows)


def _default(part: Mapping[str, Any]) -> str:
    return f"`{in_json(part['default'])}`" if "default" in part else ""


def _kind(part: Mapping[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "anyOf" in part and "properties" not in part:
        return " or ".join(dict.fromkeys(_kind(one) for one in part["anyOf"]))
    if "enum" in part:
        return " or ".join(f"`{in_json(one)}`" for one in part["enum"])
    kinds = part.get("type", "anything")
    return " or ".join(_plain_kind(kind, part) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _plain_kind(kind: str, part: Mapping[str, Any]) -> str:
    inner = part.get("items") if kind == "array" else part.get("additionalProperties") if kind == "object" else None
    if kind == "array":
        kind = f"list of {_kind(inner or {})}"
    elif isinstance(inner, dict):
        kind = f"object of {_kind(inner)}"
    elif kind == "object" and "properties" in part:
        kind += " with " + ", ".join(f"`{name}`: {_kind(one)}" for name, one in part["properties"].items())
    limits = [f"{words} {part[key]}" for key, words in _LIMITS.items() if key in part]
    return f"{kind} ({', '.join(limits)})" if limits else kind
