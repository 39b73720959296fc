"""What is exported can be imported, and is the same."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadTime
from tailorbird.identity.claims import entry_of_identity
from tailorbird.ingest.events import entry_of_event, parse_event
from tailorbird.ingest.exporter import Selection, export_lines
from tailorbird.ingest.importer import import_file
from tailorbird.ingest.items import entry_of_item
from tailorbird.ingest.mapping import KINDS, Kind
from tailorbird.ingest.receipts import Receipt, Report, keep_receipt, newest_receipts
from tailorbird.ingest.users import entry_of_user
from tailorbird.types import Identity, Item, User

START = datetime(2024, 5, 1, tzinfo=UTC).timestamp()
EVERYTHING = Selection()


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    log.append([entry_of_item(Item(item_id="i1", title=title, attributes={"n": [1]}), at=START) for title in "ab"])
    log.append([entry_of_user(User(user_id=user, consent={"ads": False}), at=START) for user in ("u1", "u2")])
    for n, who in enumerate(({"user_id": "u1"}, {"anonymous_id": "u1"}, {"user_id": "u2"})):
        raw = {"type": "purchase", "at": START + n, "items": [{"item_id": "i1", "quantity": 2, "price": 3}], **who}
        log.append([entry_of_event(parse_event(raw, now=START))])
    log.append([entry_of_identity(Identity(anonymous_id="d1", user_id="u1", at=START, evidence="login"))])
    return log


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_that_is_imported_is_the_same_export(tmp_path: Path, log: MemoryLog, kind: Kind) -> None:
    lines = list(export_lines(log, kind, EVERYTHING))
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    other = MemoryLog()
    report = import_file(other, tmp_path / "a.jsonl", kind, now=START)
    assert report.accepted == len(lines) > 0
    assert list(export_lines(other, kind, EVERYTHING)) == lines
    assert import_file(log, tmp_path / "a.jsonl", kind, now=START).accepted == 0


def test_items_come_in_their_newest_version(log: MemoryLog) -> None:
    (line,) = export_lines(log, "items", EVERYTHING)
    assert b'"title":"b"' in line


def test_only_what_was_asked_for(log: MemoryLog) -> None:
    assert len(list(export_lines(log, "events", Selection(since=START + 1)))) == 2
    assert len(list(export_lines(log, "events", Selection(until=START + 1)))) == 1
    assert len(list(export_lines(log, "events", Selection(user="u1")))) == 2
    assert len(list(export_lines(log, "users", Selection(user="u1")))) == 1


def test_times_are_iso_8601() -> None:
    assert Selection.of(since="2024-05-01", until=None, user=None).since == START
    with pytest.raises(BadTime, match="--until"):
        Selection.of(since=None, until="tomorrow", user=None)


def test_the_newest_receipt_of_each_file_is_kept_and_half_a_line_is_not(tmp_path: Path) -> None:
    assert newest_receipts(tmp_path) == []
    for rows, path in ((1, "a"), (2, "b"), (3, "a")):
        keep_receipt(tmp_path, Receipt(START, path, "events", Report(rows=rows, accepted=rows)))
    with (tmp_path / "imports.jsonl").open("ab") as file:
        file.write(b'{"at":1,"pa')
    assert [(r.path, r.report.rows) for r in newest_receipts(tmp_path)] == [("b", 2), ("a", 3)]
