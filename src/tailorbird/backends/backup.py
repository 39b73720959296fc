"""A copy of a shop directory, made while everything runs, and put back.

The databases come first, each through SQLite's own backup, which sees one moment of it; then the segments that the
copied log names, which are never taken away; then the rest. The list of files with their hashes is written last: a copy
without it was not finished. Keys in clear are left out: the copy opens with the keys that the shop had.
"""

import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tailorbird import __version__
from tailorbird.errors import BadInput, Unavailable, UnreadableFile
from tailorbird.protocols import Told, unheard

LIST: Final = "backup.json"
_DATABASES: Final = ("tailorbird.db", "decisions.db")
_SEGMENTS: Final = "segments"
_LEFT_OUT: Final = ("keys.json", LIST)
_PASSING: Final = ("-wal", "-shm", "-journal", ".unfinished", ".part.json", ".lock", ".tmp")


class CopiedFile(msgspec.Struct, frozen=True):
    """One file of a copy; ``name`` is its path within the shop directory."""

    name: str
    bytes: int
    sha256: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy holds: all of the log up to record ``last_seq``."""

    made_at: float
    tailorbird: str
    last_seq: int
    files: list[CopiedFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)


def back_up(shop: Path, copy: Path, *, told: Told = unheard) -> Backup:
    """Copy a shop directory into an empty one.

    Raises:
        BadInput: there is something in ``copy`` already, or it lies within the shop directory.
        Unavailable: a file cannot be read or written, or a segment of the log is missing.
    """
    if copy.resolve().is_relative_to(shop.resolve()):
        raise BadInput(
            f"{copy} lies within the shop directory.", hint="Choose a directory outside, on another disk at best."
        )
    _refuse_filled(copy)
    began = time.time()
    try:
        copy.mkdir(parents=True, exist_ok=True)
        for n, name in enumerate(_DATABASES):
            told(name, 0.4 * n / len(_DATABASES))
            _copy_database(shop / name, copy / name)
        rest = [*_segments(shop, copy), *_others(shop)]
        whole, done = sum(file.stat().st_size for file in rest) or 1, 0
        for file in rest:
            told(file.name, 0.4 + 0.4 * done / whole)
            done += file.stat().st_size
            target = copy / file.relative_to(shop)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        made = Backup(
            made_at=began,
            tailorbird=__version__,
            last_seq=_last_seq(copy),
            files=list(_listed(copy, told)),
        )
        _write_last(copy / LIST, msgspec.json.format(msgspec.json.encode(made), indent=1))
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(
            f"The shop {shop} cannot be copied to {copy}: {error}.", hint="What is there is no whole copy: remove it."
        ) from error
    return made


def restore(copy: Path, shop: Path, *, told: Told = unheard) -> Backup:
    """Put a copy in the place of a shop directory that is empty or not there; all of it or nothing.

    Raises:
        BadInput: there is a shop already.
        UnreadableFile: ``copy`` is no finished copy, or a file of it is missing or was changed.
        Unavailable: a file cannot be written.
    """
    _refuse_filled(shop)
    made = _read_list(copy)
    for n, file in enumerate(made.files):
        told(f"checking {file.name}", 0.5 * n / len(made.files))
        if not (copy / file.name).is_file() or _sha256(copy / file.name) != file.sha256:
            raise UnreadableFile(f"{copy / file.name} is missing or was changed since {LIST} was written.")
    beside = shop.with_name(f"{shop.name}.unfinished")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        for n, file in enumerate(made.files):
            told(f"copying {file.name}", 0.5 + 0.5 * n / len(made.files))
            target = beside / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copy / file.name, target)
        if shop.exists():
            shop.rmdir()
        beside.rename(shop)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Unavailable(f"{shop} cannot be written: {error}.", hint="Nothing of the copy was changed.") from error
    return made


def _refuse_filled(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadInput(f"{directory} is not empty.", hint="Choose a directory that is not there yet, or move it away.")


def _copy_database(source: Path, target: Path) -> None:
    if not source.exists():
        return
    # By URI, read only: a database that is not there must not be made.
    with sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=30) as old:
        new = sqlite3.connect(target)
        try:
            old.backup(new)
        finally:
            new.close()


def _segments(shop: Path, copy: Path) -> Iterator[Path]:
    """The segments that the copied log names."""
    if not (copy / _DATABASES[0]).exists():
        return
    log = sqlite3.connect(copy / _DATABASES[0])
    try:
        names = [row[0] for row in log.execute("SELECT file FROM segments ORDER BY first_seq")]
    finally:
        log.close()
    for name in names:
        yield shop / _SEGMENTS / name


def _others(shop: Path) -> Iterator[Path]:
    """Settings, models, encoder, reports; first the small files that name versions, then what they name."""
    files = [file for file in shop.rglob("*") if file.is_file() and file.relative_to(shop).parts[0] != _SEGMENTS]
    for file in sorted(files, key=lambda file: (len(file.relative_to(shop).parts), file)):
        if file.name not in (*_DATABASES, *_LEFT_OUT) and not file.name.endswith(_PASSING):
            yield file


def _last_seq(copy: Path) -> int:
    if not (copy / _DATABASES[0]).exists():
        return 0
    log = sqlite3.connect(copy / _DATABASES[0])
    try:
        found = log.execute(
            "SELECT max((SELECT coalesce(max(seq), 0) FROM log), (SELECT coalesce(max(last_seq), 0) FROM segments))"
        ).fetchone()
    finally:
        log.close()
    return int(found[0])


def _listed(copy: Path, told: Told) -> Iterator[CopiedFile]:
    files = sorted(file for file in copy.rglob("*") if file.is_file() and not file.name.endswith(_PASSING))
    for n, file in enumerate(files):
        told(f"hashing {file.name}", 0.8 + 0.2 * n / len(files))
        yield CopiedFile(file.relative_to(copy).as_posix(), file.stat().st_size, _sha256(file))


def _read_list(copy: Path) -> Backup:
    try:
        return msgspec.json.decode((copy / LIST).read_bytes(), type=Backup)
    except FileNotFoundError as error:
        raise UnreadableFile(
            f"{copy} holds no {LIST}: it is no backup, or one that was not finished.", hint="`tailorbird backup DIR`."
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise UnreadableFile(f"{copy / LIST} cannot be read: {error}.") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write_last(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
