"""API keys: shown once, kept as a hash.

A secret holds 256 random bits, so one SHA-256 is enough: there is nothing to guess, and a slow hash would only slow
every request (NIST SP 800-63B asks for slow hashes where a person chose the secret). What is found is remembered for
two seconds, so that a revoked key stops within that time in every process.
"""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from sqlalchemy import Engine, func, insert, select, update

from tailorbird.backends.sql.schema import keys, reading, writing
from tailorbird.errors import BadInput, NotFound, did_you_mean

SCOPES: Final = ("secret", "write")
_REMEMBERED_SECONDS: Final = 2.0
_MOST_REMEMBERED: Final = 1_000
_MOST_NAME_CHARACTERS: Final = 100
_ID_BYTES: Final = 6


class Key(msgspec.Struct, frozen=True):
    """What is known of a key. ``key_id`` is the start of its hash: enough to name it, no use for calling."""

    key_id: str
    name: str
    scope: str
    created_at: float
    revoked_at: float | None = None


class SqlKeyStore:
    """One shop's keys, beside its log. A *secret* key may do everything, a *write* key only what a browser must."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._remembered: OrderedDict[bytes, tuple[float, Key | None]] = OrderedDict()

    def create(self, name: str, scope: str) -> str:
        """Make a key and return its secret, which nobody can read again.

        Raises:
            BadInput: the scope does not exist, or the name is empty or has more than 100 characters.
        """
        if scope not in SCOPES:
            raise BadInput(f"A key cannot have the scope '{scope[:64]}'.", hint=did_you_mean(scope, SCOPES))
        if not name.strip() or len(name) > _MOST_NAME_CHARACTERS:
            raise BadInput(
                f"A key's name has 1 to {_MOST_NAME_CHARACTERS} characters, not {len(name.strip())}.",
                hint="Name it after who will use it, for instance: --name web-shop.",
            )
        secret = f"tb_{scope}_{secrets.token_urlsafe(32)}"
        row = {"key_hash": _hash(secret), "name": name, "scope": scope, "created_at": self._clock()}
        with writing(self._engine) as connection:
            connection.execute(insert(keys), row)
        return secret

    def find(self, secret: str) -> Key | None:
        """The key of this secret, or None if it never was one or was revoked."""
        key_hash, now = _hash(secret), self._clock()
        remembered = self._remembered.get(key_hash)
        if remembered is not None and 0 <= now - remembered[0] < _REMEMBERED_SECONDS:
            return remembered[1]
        with reading(self._engine) as connection:
            row = connection.execute(select(keys).where(keys.c.key_hash == key_hash)).first()
        found = None if row is None or row.revoked_at is not None else _key(*row)
        with self._lock:
            self._remembered[key_hash] = (now, found)
            self._remembered.move_to_end(key_hash)
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def list(self) -> Sequence[Key]:
        """Every key that ever was, the oldest first."""
        with reading(self._engine) as connection:
            return [_key(*row) for row in connection.execute(select(keys).order_by(keys.c.created_at))]

    def revoke(self, name: str) -> Key:
        """End a key, named by its ``key_id`` or by its name where only one has it. Revoking twice changes nothing.

        Raises:
            NotFound: no key is called so.
            BadInput: several are; then the key_id says which.
        """
        called = [key for key in self.list() if name in (key.key_id, key.name)]
        living = [key for key in called if key.revoked_at is None]
        if not called:
            raise NotFound(f"No key is called '{name[:64]}'.", hint="`tailorbird keys list` shows them.")
        if len(living) > 1:
            ids = ", ".join(key.key_id for key in living)
            raise BadInput(f"{len(living)} keys are called '{name[:64]}'.", hint=f"Revoke one by its id: {ids}.")
        if not living:
            return called[-1]
        revoked = msgspec.structs.replace(living[0], revoked_at=self._clock())
        start = func.substr(keys.c.key_hash, 1, _ID_BYTES)
        with writing(self._engine) as connection:
            connection.execute(
                update(keys).where(start == bytes.fromhex(revoked.key_id)).values(revoked_at=revoked.revoked_at)
            )
        with self._lock:
            self._remembered.clear()
        return revoked


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _key_id(key_hash: bytes) -> str:
    return key_hash[:_ID_BYTES].hex()


def _key(key_hash: bytes, name: str, scope: str, created_at: float, revoked_at: float | None) -> Key:
    return Key(_key_id(key_hash), name, scope, created_at, revoked_at)
