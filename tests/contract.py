"""The OpenAPI document as a promise: requests that it allows or nearly allows, and what every answer must keep."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tailorbird.api.documentation import document, error_codes

from hostile import EXTREME, GOOD, JUNK_BYTES, NATIVE, SCALARS, spoilt, torn, trees

SECONDS = 5.0
"""Far above what any answer takes on a busy machine; a hang is longer."""

CODES = {code: status for code, status, _ in error_codes()}
WORDS = st.sampled_from(["mug-1", "ann", "home", "item", "a/b", "../x", "%2e", "%00", "\0", "é", "x" * 300]) | st.text(
    max_size=12
)
EVENT_FORMATS = [("native", NATIVE["events"]), *((form, good) for kind, form, good in GOOD if kind == "events")]
_KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
_DEEP = 6


class Contract:
    """What a shop's server says of itself, and a client with a secret key to hold it to that."""

    def __init__(self, client: Any, browser: Any) -> None:
        """``browser`` are the headers of a write key."""
        api = document(client.app)
        self.client, self.browser = client, browser
        self.paths, self.parts = api["paths"], api["components"]["schemas"]
        self.operations = [(path, method) for path, methods in api["paths"].items() for method in methods]

    def __repr__(self) -> str:
        return "Contract()"

    # ---- asking ----------------------------------------------------------------------------------------------

    def ask_anything(self, data: st.DataObject) -> None:
        """One request to one endpoint, and the promises of its answer."""
        path, method = data.draw(st.sampled_from(self.operations))
        operation = self.paths[path][method]
        asked = {p["name"]: p["in"] for p in operation.get("parameters", ())}
        words = {name: data.draw(WORDS) for name in asked}
        url, plain = path, True
        for name in (name for name, place in asked.items() if place == "path"):
            safe = data.draw(st.sampled_from(("", "/")))
            url = url.replace(f"{{{name}}}", quote(words[name], safe=safe))
            plain = plain and "/" not in words[name] and words[name].strip("./ ") == words[name] != ""
        query = {name: words[name] for name, place in asked.items() if place == "query" and data.draw(st.booleans())}
        body, media = data.draw(self._bodies(path, method))
        headers = {"content-type": media} if media else {}
        key = data.draw(st.sampled_from(("secret", "secret", "secret", "write", "none", "odd")))
        if key != "secret":
            headers |= self.browser if key == "write" else {"Authorization": "" if key == "none" else "Bearer \t x"}
        self._send(method.upper(), url, operation if plain else None, params=query, content=body, headers=headers)

    def send_events(self, data: st.DataObject) -> None:
        """One body of events in some system's format, and the promises of its answer."""
        form, good = data.draw(st.sampled_from(EVENT_FORMATS))
        documents = data.draw(st.lists(spoilt(good, SCALARS | trees(WORDS)), min_size=1, max_size=4))
        by_line = data.draw(st.booleans())
        body = b"\n".join(map(as_json, documents)) if by_line else as_json(documents)
        if data.draw(st.integers(0, 4)) == 0:
            body = data.draw(torn(body))
        headers = {"content-type": "application/x-ndjson" if by_line else "application/json"}
        headers |= self.browser if data.draw(st.booleans()) else {}
        operation = self.paths["/v1/events"]["post"]
        answer = self._send("POST", f"/v1/events?format={form}", operation, content=body, headers=headers)
        for rejected in answer.json().get("rejected", ()):
            assert rejected["code"] in CODES, rejected

    def _send(self, method: str, url: str, operation: Any, **more: Any) -> Any:
        began = time.perf_counter()
        answer = self.client.request(method, url, **more)
        self.check(answer, operation, time.perf_counter() - began)
        return answer

    @st.composite
    @staticmethod
    def _some(draw: st.DrawFn, contract: "Contract", path: str, method: str) -> tuple[bytes, str]:
        content = contract.paths[path][method].get("requestBody", {}).get("content", {})
        if not content:
            return draw(st.just(b"") | st.binary(max_size=20)), "application/json"
        media = draw(st.sampled_from(sorted(content)))
        value = draw(contract.made_by(content[media]["schema"]))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            return draw(st.binary(max_size=60) | JUNK_BYTES), media
        if kind == 1:
            return as_json(draw(trees(WORDS))), media
        if kind >= 4:
            value = draw(spoilt(value, EXTREME | trees(WORDS)))
        body = as_json(value)
        return (draw(torn(body)) if kind == 3 else body), draw(st.sampled_from((media, media, media, "text/csv", "")))

    def _bodies(self, path: str, method: str) -> st.SearchStrategy[tuple[bytes, str]]:
        """Bodies with their media types: mostly nearly right."""
        return Contract._some(self, path, method)

    def made_by(self, schema: Any, depth: int = 0) -> st.SearchStrategy[Any]:
        """Values that a schema allows, as far as its types go."""
        schema = self._resolved(schema)
        kind = schema.get("type", "anything")
        if depth > _DEEP:
            return SCALARS
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if several := schema.get("anyOf") or (isinstance(kind, list) and [{**schema, "type": one} for one in kind]):
            return st.one_of([self.made_by(one, depth) for one in several])
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return st.lists(self.made_by(schema.get("items") or {}, depth + 1), max_size=3)
        return {
            "string": st.sampled_from(("mug-1", "ann", "home", "2023-11-14", "custom")) | st.text(max_size=8),
            "integer": st.integers(schema.get("minimum", -5), schema.get("maximum", 2**40)),
            "number": st.floats(0, 1e9) | st.just(1_700_000_000),
            "boolean": st.booleans(),
            "null": st.none(),
        }.get(kind, trees(WORDS))

    def _object(self, schema: Any, depth: int) -> st.SearchStrategy[Any]:
        fields = {name: self.made_by(part, depth + 1) for name, part in schema.get("properties", {}).items()}
        needed = {name: fields.pop(name) for name in schema.get("required", ()) if name in fields}
        if fields or needed:
            return st.fixed_dictionaries(needed, optional=fields)
        more = schema.get("additionalProperties")
        return st.dictionaries(WORDS, self.made_by(more if isinstance(more, dict) else {}, depth + 1), max_size=3)

    # ---- the answer ------------------------------------------------------------------------------------------

    def check(self, answer: Any, operation: Any, seconds: float = 0.0) -> None:
        """No 500, in time, a problem that the document names or a body that the document describes."""
        status, asked = answer.status_code, answer.request
        told = f"{asked.method} {asked.url} {asked.content[:500]!r} -> {status} {answer.text[:500]}"
        assert seconds < SECONDS, told
        assert status < 500, told
        media = answer.headers.get("content-type", "").partition(";")[0]
        if status >= 400:
            problem = answer.json()
            assert media == "application/problem+json", told
            assert not self.misfit(problem, self.parts["Problem"]), told
            assert CODES.get(problem["code"]) == problem["status"] == status, told
        if operation is None:
            return
        assert str(status) in operation["responses"], told
        content = operation["responses"][str(status)].get("content", {})
        if status >= 400:
            codes = operation["responses"][str(status)]["description"].partition("Codes: ")[2].rstrip(".").split(", ")
            assert problem["code"] in codes, told
        if media == "application/json":
            assert not (wrong := self.misfit(answer.json(), content[media]["schema"])), f"{wrong}; {told}"

    def misfit(self, value: Any, schema: Any) -> str:
        """Where and how a value does not fit a schema; nothing where it does."""
        return next(self._misfits(value, schema, "$"), "")

    def _misfits(self, value: Any, schema: Any, place: str) -> Iterator[str]:
        schema = self._resolved(schema)
        if "anyOf" in schema and not schema.get("type"):
            found = [next(self._misfits(value, one, place), "") for one in schema["anyOf"]]
            if all(found):
                yield f"{place} fits none: {found}"
            return
        named = schema.get("type", [])
        allowed = [named] if isinstance(named, str) else named
        if allowed and not any(_is(value, kind) for kind in allowed):
            yield f"{place} is {value!r}, not {allowed}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{place} is {value!r}, not of {schema['enum']}"
        elif isinstance(value, dict):
            known, more = schema.get("properties", {}), schema.get("additionalProperties", {})
            yield from (f"{place} lacks {name}" for name in schema.get("required", ()) if name not in value)
            for name, one in value.items():
                yield from self._misfits(
                    one, known.get(name, more if isinstance(more, dict) else {}), f"{place}.{name}"
                )
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for one in value:
                yield from self._misfits(one, schema["items"], f"{place}[]")

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            schema = self.parts[schema["$ref"].rpartition("/")[2]]
        return schema


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))


def as_json(value: Any) -> bytes:
    """As careless senders write it: with NaN, halves of surrogate pairs and whatever else there is."""
    return json.dumps(_named(value), default=repr).encode()


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _named(one) for name, one in value.items()}
    return [_named(one) for one in value] if isinstance(value, list | tuple) else value
