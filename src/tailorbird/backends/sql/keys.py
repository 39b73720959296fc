"""API keys: shown once, kept as a hash.

A secret holds 256 random bits, so one SHA-256 is enough: there is nothing to guess, and a slow hash would only slow
every request (NIST SP 800-63B asks for slow hashes where a person chose the secret). Whoever serves keeps them in
memory (`tailorbird.api.keyring`); here is only the table.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, func, insert, or_, select, update

from tailorbird.backends.sql.schema import LOG_MIGRATIONS, keys, migrate, open_sqlite, reading, writing
from tailorbird.errors import BadInput, NotFound, TailorbirdError, did_you_mean
from tailorbird.protocols import SCOPES, Key
from tailorbird.types import DAY_SECONDS

_MOST_NAME_CHARACTERS: Final = 100
_ID_BYTES: Final = 6


class SqlKeyStore:
    """One shop's keys, beside its log. ``changes`` grows when this process makes or revokes one."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self.changes = 0
        self._engine = engine
        self._clock = clock

    def create(self, name: str, scope: str, *, expires_days: float | None = None) -> str:
        """Make a key and return its secret, which nobody can read again.

        Raises:
            BadInput: the scope does not exist, the name is empty or has more than 100 characters, or the key would have
                expired already.
        """
        if scope not in SCOPES:
            raise BadInput(f"A key cannot have the scope '{scope[:64]}'.", hint=did_you_mean(scope, SCOPES))
        if not name.strip() or len(name) > _MOST_NAME_CHARACTERS:
            raise BadInput(
                f"A key's name has 1 to {_MOST_NAME_CHARACTERS} characters, not {len(name.strip())}.",
                hint="Name it after who will use it, for instance: --name web-shop.",
            )
        if expires_days is not None and not expires_days > 0:
            raise BadInput(f"A key cannot expire after {expires_days:g} days.", hint="Say a number above 0.")
        now, secret = self._clock(), f"tb_{scope}_{secrets.token_urlsafe(32)}"
        ends = None if expires_days is None else now + expires_days * DAY_SECONDS
        row = {"key_hash": _hash(secret), "name": name, "scope": scope, "created_at": now, "expires_at": ends}
        with writing(self._engine) as connection:
            connection.execute(insert(keys), row)
        self.changes += 1
        return secret

    def find(self, secret: str) -> Key | None:
        """The key of this secret; None if it never was one, was revoked, or has expired."""
        with reading(self._engine) as connection:
            row = connection.execute(select(keys).where(keys.c.key_hash == _hash(secret))).first()
        key = None if row is None or row.revoked_at is not None else _key(row)
        return None if key is None or key.has_expired(self._clock()) else key

    def list(self) -> Sequence[Key]:
        """Every key that ever was, the oldest first."""
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(select(keys).order_by(keys.c.created_at))]

    def living(self) -> Mapping[bytes, Key]:
        """Every key that was not revoked, those that have expired included, by its hash."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(keys).where(keys.c.revoked_at.is_(None)))
            return {bytes(row.key_hash): _key(row) for row in rows}

    def mark_used(self, key_ids: Collection[str], at: float) -> None:
        """Note that these were used on the day of ``at``; nothing is written for a day that is noted already."""
        day = at // DAY_SECONDS * DAY_SECONDS
        stale = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < day)
        with writing(self._engine) as connection:
            connection.execute(update(keys).where(_called(key_ids), stale).values(last_used_at=day))

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
        with writing(self._engine) as connection:
            connection.execute(update(keys).where(_called([revoked.key_id])).values(revoked_at=revoked.revoked_at))
        self.changes += 1
        return revoked


def open_keys(directory: Path, clock: Callable[[], float] = time.time) -> SqlKeyStore | None:
    """The keys of a shop that cannot be opened whole; None where they cannot be read either."""
    path = directory / "tailorbird.db"
    if not path.exists():
        return None
    try:
        engine = open_sqlite(path)
        migrate(engine, LOG_MIGRATIONS)
        keys_of_shop = SqlKeyStore(engine, clock=clock)
        keys_of_shop.living()
    except TailorbirdError:
        return None
    return keys_of_shop


def _called(key_ids: Collection[str]) -> ColumnElement[bool]:
    return func.substr(keys.c.key_hash, 1, _ID_BYTES).in_([bytes.fromhex(key_id) for key_id in key_ids])


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _key(row: Row[Any]) -> Key:
    known: dict[str, Any] = dict(row._mapping)  # noqa: SLF001  # public, so named to leave columns their names
    return Key(key_id=known.pop("key_hash")[:_ID_BYTES].hex(), **known)
