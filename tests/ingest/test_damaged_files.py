"""Files as a bad disk, line or tool leaves them, and files made to harm: a report or a refusal, within bounds."""

import contextlib
import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadEncoding, BadInput, UnreadableFile
from tailorbird.ingest.importer import ImportOptions, import_file
from tailorbird.ingest.writing import Report

from hostile import FILES, bomb, torn

NOW = 1_700_000_000.0
MB = 2**20
HEADER = b"type,at,user_id,item_id\n"
LINE = b'{"type":"item_view","at":1699999990,"user_id":"u","item_id":"i"}\n'


def take(folder: Path, content: bytes, kind: Any = "events", **options: Any) -> Report:
    file = folder / "file"
    file.write_bytes(content)
    return import_file(MemoryLog(), file, kind, now=NOW, options=ImportOptions(**options))


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_reported_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    kind, form, content = data.draw(st.sampled_from(FILES))
    encoding = data.draw(st.sampled_from((None, None, None, "utf-16", "latin-1", "shift_jis")))
    try:
        report = take(tmp_path, data.draw(torn(content)), kind, fmt=form, encoding=encoding)
    except BadInput:
        return
    assert report.rows == report.accepted + report.duplicates + report.rejected


@pytest.mark.parametrize("number", range(len(FILES)))
def test_every_file_that_is_spoilt_here_can_be_read_when_whole(tmp_path: Path, number: int) -> None:
    kind, form, content = FILES[number]
    assert take(tmp_path, content, kind, fmt=form).rejected == 0


def test_compressed_data_that_is_damaged_says_so(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(b"%d,%d\n" % (n, n * 7_919 % 9_973) for n in range(60_000))))
    packed[12:30] = b"\xff" * 18
    with pytest.raises(UnreadableFile, match="cannot be read"):
        take(tmp_path, bytes(packed))


def test_compressed_data_that_is_damaged_further_on_keeps_what_came_before(tmp_path: Path) -> None:
    lines = b"".join(LINE.replace(b'"u"', b'"u%d"' % (n * 7_919 % 99_991)) for n in range(20_000))
    packed = bytearray(gzip.compress(lines))
    packed[-34_000:-33_900] = b"\xff" * 100
    report = take(tmp_path, bytes(packed))
    assert report.accepted + report.duplicates > 5_000
    assert "broken_line" in {reason.code for reason in report.reasons}


def test_text_that_is_not_in_the_encoding_that_was_named_is_refused_with_a_likely_one(tmp_path: Path) -> None:
    with pytest.raises(BadEncoding, match=r"is not utf-16; it looks like utf-8"):
        take(tmp_path, HEADER + b"item_view,1699999990,u,i\n", encoding="utf-16")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        pytest.param("events", bomb(b"[", b" " * MB, 40), id="blanks in a list"),
        pytest.param("events", bomb(b"[", b"\n" * MB, 40), id="empty lines in a list"),
        pytest.param("events", bomb(b'[{"a":"', b"x" * MB, 60), id="one endless text"),
        pytest.param("events", bomb(HEADER, b"0" * MB, 100), id="one endless line"),
        pytest.param("events", bomb(HEADER, b"0" * 15 * MB + b"\n", 12), id="lines of 15 MB"),
        pytest.param("events", bomb(b"", b'{"a":"' + b"x" * 15 * MB + b'"}\n', 12), id="objects of 15 MB"),
        pytest.param("items", bomb(b'<rss><channel><item a="', b"x" * MB, 20), id="one endless tag"),
        pytest.param("items", bomb(b"<rss><channel><item>", b'<a href="x"/>' * 80_000, 4), id="one endless item"),
        pytest.param("items", b"<rss><item>" + b"<a>" * 1_000_000, id="tags in tags"),
    ],
)
def test_a_file_that_unfolds_without_end_takes_a_bounded_memory(tmp_path: Path, kind: str, content: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(BadInput):
            take(tmp_path, content, kind)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * MB


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"events":[', b'[{"a":['])
def test_a_hundred_thousand_brackets_cost_one_line(tmp_path: Path, opening: bytes) -> None:
    report = take(tmp_path, LINE + opening * 100_000 + b"\n" + LINE)
    assert (report.accepted, report.duplicates, report.rejected) == (2, 0, 1)
    assert report.reasons[0].code == "broken_line"


def test_events_within_events_are_no_events(tmp_path: Path) -> None:
    nested: Any = {"type": "item_view", "at": NOW, "user_id": "u", "item_id": "i"}
    for _ in range(400):
        nested = {"events": [nested]}
    content = LINE + json.dumps(nested).encode() + b"\n"
    assert take(tmp_path, content).rejected == 1


def test_records_of_many_megabytes_are_written_a_few_at_a_time(tmp_path: Path) -> None:
    sizes = []

    class Watched(MemoryLog):
        def append(self, entries):
            sizes.append(sum(len(entry.body) for entry in entries))
            return super().append(entries)

    long = LINE.replace(b"}", b',"note":"' + b"x" * 5 * MB + b'"}')
    (tmp_path / "file").write_bytes(long * 20)
    report = import_file(Watched(), tmp_path / "file", "events", now=NOW)
    assert report.accepted == 20
    assert max(sizes) < 50 * MB
