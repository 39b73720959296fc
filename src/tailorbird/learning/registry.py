"""Trained models on the disk: a folder for each version, with plain arrays and a manifest, and one file of what serves.

Nothing is ever unpickled. A version is complete before it can be promoted; promotion is one rename, so that a kill
leaves the old model or the new one.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tailorbird.errors import BadModelFile, NotFound, did_you_mean
from tailorbird.types import Array

_CURRENT: Final = "current.json"
_MANIFEST: Final = "manifest.json"
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FORMAT: Final = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one version is: where it came from, how it was made, and the SHA-256 of each of its files.

    ``data_sha256`` names what it was fitted on: two versions with one hash and one set of settings are the same model.
    ``embedding`` is the encoder whose vectors of texts it holds, empty for none. ``held_back`` says why training did
    not let it serve, empty where it did.
    """

    name: str
    version: str
    created_at: float
    fitted_seq: int
    settings: dict[str, Any] = {}
    columns: tuple[str, ...] = ()
    metrics: dict[str, float] = {}
    events: dict[str, int] = {}
    data_sha256: str = ""
    embedding: str = ""
    held_back: str = ""
    files: dict[str, str] = {}
    bytes: int = 0
    format: int = FORMAT

    @property
    def promotion(self) -> str:
        """The command that lets it serve."""
        return f"tailorbird models promote {self.name} {self.version}"


class Registry:
    """The ``models`` folder of a shop directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(
        self,
        name: str,
        arrays: Mapping[str, Array],
        *,
        fitted_seq: int,
        settings: Mapping[str, Any] | None = None,
        columns: tuple[str, ...] = (),
        metrics: Mapping[str, float] | None = None,
        events: Mapping[str, int] | None = None,
        data_sha256: str = "",
        embedding: str = "",
        held_back: str = "",
        now: float | None = None,
    ) -> Manifest:
        """Write a new version. It does not serve before `promote`."""
        created = time.time() if now is None else now
        version = time.strftime("%Y%m%dT%H%M%S", time.gmtime(created)) + f"-{os.urandom(2).hex()}"
        folder = self.directory / name / version
        folder.mkdir(parents=True)
        hashes, size = {}, 0
        for label, array in arrays.items():
            path = folder / f"{label}.npy"
            np.save(path, np.asarray(array), allow_pickle=False)
            hashes[path.name] = _sha256(path)
            size += path.stat().st_size
        manifest = Manifest(
            name=name,
            version=version,
            created_at=created,
            fitted_seq=fitted_seq,
            settings=dict(settings or {}),
            columns=columns,
            metrics=dict(metrics or {}),
            events=dict(events or {}),
            data_sha256=data_sha256,
            embedding=embedding,
            held_back=held_back,
            files=hashes,
            bytes=size,
        )
        (folder / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        return manifest

    def load(self, name: str, version: str) -> tuple[Manifest, dict[str, Array]]:
        """A version's manifest and arrays.

        Raises:
            NotFound: there is no such version.
            BadModelFile: a file is missing, was changed, lies elsewhere, or is no plain array.
        """
        manifest = self.checked(name, version)
        files = [self.directory / name / version / file for file in manifest.files]
        return manifest, {path.stem: _read_array(path) for path in files}

    def checked(self, name: str, version: str) -> Manifest:
        """What one version is, after a look at its files.

        Raises:
            NotFound: there is no such version.
            BadModelFile: a file is missing, was changed, or lies elsewhere.
        """
        manifest = self.manifest(name, version)
        folder = (self.directory / name / version).resolve()
        hint = f"Roll back (`tailorbird models rollback {name}`) or train again."
        for file in manifest.files:
            if (folder / file).resolve() != folder / file or (folder / file).parent != folder:
                raise BadModelFile(f"The manifest in {folder} names '{file[:64]}', which lies elsewhere.", hint=hint)
        # Sizes before hashes: a file that somebody made enormous is not read.
        whole = all((folder / file).is_file() for file in manifest.files)
        size = sum((folder / file).stat().st_size for file in manifest.files) if whole else -1
        for file, digest in manifest.files.items():
            if size != manifest.bytes or _sha256(folder / file) != digest:
                which = folder / file if size == manifest.bytes else f"A file in {folder}"
                raise BadModelFile(f"{which} is missing or was changed since it was written.", hint=hint)
        return manifest

    def manifest(self, name: str, version: str) -> Manifest:
        """What one version is."""
        if not (_PLAIN.fullmatch(name) and _PLAIN.fullmatch(version)):
            raise BadModelFile(
                f"'{name[:64]}', version '{version[:64]}', is no name of a model.", hint="`tailorbird models list`."
            )
        path = self.directory / name / version / _MANIFEST
        if not path.exists():
            raise NotFound(f"There is no version '{version}' of the model '{name}'.", hint="`tailorbird models list`.")
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.DecodeError as error:
            raise BadModelFile(f"{path} cannot be read: {error}.", hint="Train again: `tailorbird train`.") from error
        if manifest.format != FORMAT:
            raise BadModelFile(
                f"{path} has format {manifest.format}; this Tailorbird reads {FORMAT}.", hint="Train again."
            )
        return manifest

    def fitted_until(self) -> dict[str, tuple[str, int]]:
        """Of each model that serves its version, and the last record of the log that it may have been fitted on."""
        found = {}
        for name, version in self.current().items():
            try:
                found[name] = version, self.manifest(name, version).fitted_seq
            except (NotFound, BadModelFile):
                found[name] = version, sys.maxsize
        return found

    def versions(self, name: str) -> list[Manifest]:
        """All versions of a model, the newest first."""
        folders = sorted((self.directory / name).glob(f"*/{_MANIFEST}"), reverse=True)
        return [self.manifest(name, folder.parent.name) for folder in folders]

    def waiting(self, name: str) -> Manifest | None:
        """The newest version of a model, where it was held back and an older one serves; None otherwise."""
        serving = self.current().get(name)
        newest = self.versions(name)[0] if serving else None
        return newest if newest and newest.held_back and newest.version != serving else None

    def names(self) -> list[str]:
        """Every model that was ever saved here."""
        return sorted(folder.name for folder in self.directory.glob("*") if folder.is_dir())

    def current(self) -> dict[str, str]:
        """Which version of each model serves: name -> version.

        Raises:
            BadModelFile: the file that says so cannot be read.
        """
        path = self.directory / _CURRENT
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, str]) if path.exists() else {}
        except msgspec.DecodeError as error:
            raise BadModelFile(
                f"{path}, which says what serves, cannot be read: {error}.",
                hint="Delete it: counting channels serve until `tailorbird train` or `models promote`.",
            ) from error

    def promote(self, versions: Mapping[str, str | None]) -> None:
        """Let these versions serve from now on, all at once; None retires a model.

        Raises:
            NotFound: there is no such version; nothing was promoted.
            BadModelFile: a file of it is missing or was changed; nothing was promoted.
        """
        for name, version in versions.items():
            if version is not None:
                self.checked(name, version)
        merged = {name: v for name, v in {**self.current(), **versions}.items() if v is not None}
        self.directory.mkdir(parents=True, exist_ok=True)
        unfinished = self.directory / f"{_CURRENT}.{os.getpid()}"
        with unfinished.open("wb") as out:
            out.write(msgspec.json.encode(merged))
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(self.directory / _CURRENT)

    def rollback(self, name: str) -> Manifest:
        """Let the version before the serving one serve again.

        Raises:
            NotFound: there is no such model, or it has no older version.
            BadModelFile: a file of that version is missing or was changed.
        """
        if name not in self.names():
            raise NotFound(f"There is no model '{name}'.", hint=did_you_mean(name, self.names()))
        serving = self.current().get(name)
        older = [m for m in self.versions(name) if serving is None or m.version < serving]
        if not older:
            raise NotFound(f"The model '{name}' has no older version.", hint="`tailorbird models list` shows them.")
        self.promote({name: older[0].version})
        return older[0]

    def stamp(self) -> float:
        """Changes whenever a promotion happens; 0 before the first."""
        path = self.directory / _CURRENT
        return path.stat().st_mtime_ns if path.exists() else 0.0


def _read_array(path: Path) -> Array:
    """One array, as large as its file says and no larger; nothing in it is run.

    Raises:
        BadModelFile: the file is something else.
    """
    try:
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except (OSError, ValueError, EOFError, OverflowError, SyntaxError) as error:
        raise BadModelFile(f"{path} is no plain array: {error}.", hint="Train again.") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
