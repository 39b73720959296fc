"""Ids in paths, which may hold anything: "a/b", "ü", "..", "%".

A router splits a path at its slashes, and a server decodes "%2F" into one beforehand. So the id's part of the raw path
is found first and kept encoded; the router then sees one segment, and the handler reads the id back. Both
``/v1/items/a%2Fb`` and ``/v1/items/a/b`` name the item "a/b".
"""

from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from litestar.params import FromPath

PathId: TypeAlias = FromPath[str]
"""An id in a path, still encoded; `id_of` reads it."""

_BEFORE_ID: Final = ("/v1/items/", "/v1/users/", "/v1/decisions/", "/v1/policies/")
_AFTER: Final = {"/v1/users/": ("/profile", "/preferences"), "/v1/items/": ("/versions",)}


def encode_id(path: str, raw_path: bytes | None) -> str:
    """The path with its id as one segment; any other path as it is.

    >>> encode_id("/v1/users/a/b/profile", b"/v1/users/a%2Fb/profile"), encode_id("/health/live", None)
    ('/v1/users/a%2Fb/profile', '/health/live')
    """
    before = next((prefix for prefix in _BEFORE_ID if path.startswith(prefix)), None)
    if before is None:
        return path
    # Some servers leave the query on the raw path; a question mark of an id is encoded there.
    raw = quote(path) if raw_path is None else raw_path.decode("latin-1").partition("?")[0]
    if not raw.startswith(before):
        return path
    rest = raw.removeprefix(before)
    after = next((end for end in _AFTER.get(before, ()) if rest.endswith(end) and rest != end), "")
    name = unquote(rest.removesuffix(after))
    return before + quote(name, safe="") + after if name else path


def id_of(segment: str) -> str:
    """The id that a handler got from its path."""
    return unquote(segment)
