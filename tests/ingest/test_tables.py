"""Files as rows: what they are, what is broken in them, and that nothing else is lost."""

import bz2
import csv
import gzip
import io
import json
import lzma
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailorbird.errors import BadEncoding, BrokenLine, UnknownFormat, UnreadableFile
from tailorbird.ingest.sources import find_files, likely_encoding
from tailorbird.ingest.tables import open_table

PLAIN = b"id,n\n1,2\n"


def read(path: Path, content: bytes, **options: Any) -> tuple[list[Any], list[int]]:
    """The rows of a file with that content, and the numbers of its broken lines."""
    path.write_bytes(content)
    rows = list(open_table(path, **options).rows())
    return [row for _, row in rows if isinstance(row, dict)], [n for n, row in rows if isinstance(row, BrokenLine)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    content = f"id{delimiter}n\n1{delimiter}a b\n2{delimiter}c\n".encode()
    assert read(tmp_path / "a.csv", content)[0] == [{"id": "1", "n": "a b"}, {"id": "2", "n": "c"}]


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"id;n\n1;2,5\n2;3,5\n")[0] == [{"id": "1", "n": "2,5"}, {"id": "2", "n": "3,5"}]


def test_rows_carry_the_number_of_their_line_and_no_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,n\n\n1,"two\nlines"\n\n2,\n')
    assert list(open_table(path).rows()) == [(3, {"id": "1", "n": "two\nlines"}), (6, {"id": "2"})]


def test_a_broken_line_costs_itself_alone(tmp_path: Path) -> None:
    content = b'id,n,t\n1,"a b",x\n2,"never closed,y\n3,"k",z\n4,"q\nr",z\n5,short\n6,"open,v\n7,a,b\n8,b,c\n'
    rows, broken = read(tmp_path / "a.csv", content)
    assert [row["id"] for row in rows] == ["1", "3", "4", "7", "8"]
    assert broken == [3, 7, 8]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(tmp_path: Path) -> None:
    lines = "".join(f"{n},x\n" for n in range(60_000))
    began = time.monotonic()
    rows, broken = read(tmp_path / "a.csv", b'id,n\n"0,x\n' + lines.encode())
    assert len(rows) == 60_000
    assert broken == [2]
    assert time.monotonic() - began < 10


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"id,n\n") == ([], [])


def test_a_header_that_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="'id' twice"):
        read(tmp_path / "a.csv", b"id,id\n1,2\n")


def test_a_header_may_break_a_line_inside_quotes_but_not_outside(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b'"the\nid",n\n1,2\n')[0] == [{"the\nid": "1", "n": "2"}]
    with pytest.raises(UnknownFormat, match="header"):
        read(tmp_path / "a.csv", b"id,n\r1,2\r")


def test_broken_json_lines_cost_themselves_alone(tmp_path: Path) -> None:
    content = b'{"a":1}\n{"a":2\n[1]\n{"a":3}\n\n5\n{"a":4}'
    assert read(tmp_path / "a.jsonl", content) == ([{"a": 1}, {"a": 3}, {"a": 4}], [2, 3, 6])


def test_a_json_list_is_read_and_goes_on_after_a_broken_value(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[\n {"a":1,\n  "b":{"x":1}},\n {"a":2,,},\n {"a":3}\n]\n')
    rows = list(open_table(path).rows())
    assert [(n, row) for n, row in rows if isinstance(row, dict)] == [(2, {"a": 1, "b": {"x": 1}}), (5, {"a": 3})]
    assert [n for n, row in rows if isinstance(row, BrokenLine)] == [4]


def test_a_json_list_on_one_line_is_read_up_to_its_fault_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"a":1},{"a":2,,},{"a":3}]')
    (_, first), (_, broken) = open_table(path).rows()
    assert first == {"a": 1}
    assert "Nothing after it" in str(broken)


@pytest.mark.parametrize("content", [b'{"events":[{"a":1},{"a":2}]}', b'{\n "items": [\n{"a":1},\n{"a":2}]\n}'])
def test_the_body_of_an_http_call_is_a_file_too(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "a.json", content)[0] == [{"a": 1}, {"a": 2}]


def test_a_json_list_larger_than_one_piece_is_whole(tmp_path: Path) -> None:
    rows = [{"n": n, "text": "é" * 300} for n in range(5_000)]
    assert read(tmp_path / "a.json", msgspec.json.encode(rows))[0] == rows


def _zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, _zstd])
def test_a_compressed_file_is_known_by_its_first_bytes(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert read(tmp_path / "whatever.csv", pack(PLAIN))[0] == [{"id": "1", "n": "2"}]


def test_a_truncated_file_keeps_what_came_before(tmp_path: Path) -> None:
    lines = "".join(f"{n * 7919 % 1_000_003},{n * 104_729 % 999_983}\n" for n in range(200_000)).encode()
    packed = gzip.compress(b"id,n\n" + lines)
    rows, broken = read(tmp_path / "a.csv.gz", packed[: len(packed) // 2])
    assert 50_000 < len(rows) < 150_000
    assert len(broken) in (1, 2)  # the end of the stream, and perhaps half a line before it


@pytest.mark.parametrize(("name", "options"), [("a.json.gz", {}), ("a.csv.gz", {"encoding": "latin-1"})])
def test_a_truncated_file_that_has_no_lines_of_its_own_is_said(
    tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    numbers = [{"n": n * 7919 % 1_000_003} for n in range(200_000)]
    packed = gzip.compress(msgspec.json.encode(numbers) if "json" in name else b"n\n" + msgspec.json.encode(numbers))
    with pytest.raises(UnreadableFile, match="ends early"):
        read(tmp_path / name, packed[: len(packed) // 2], **options)


def test_utf8_with_a_mark_is_fine(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "\ufeffid,n\n1,Café\n".encode())[0] == [{"id": "1", "n": "Café"}]
    assert read(tmp_path / "a.jsonl", '\ufeff{"n":"Café"}\n'.encode())[0] == [{"n": "Café"}]
    assert read(tmp_path / "a.json", '\ufeff[{"n":"Café"}]\n'.encode())[0] == [{"n": "Café"}]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café à la crème", "windows-1252"),
        ("Grüße aus Zürich", "windows-1252"),
        ("Привет мир", "windows-1251"),
        ("こんにちは世界テスト", "shift_jis"),
        ("商品名称测试数据", "gb18030"),
        ("Café", "utf-16"),
    ],
)
def test_another_encoding_is_named_and_reads_the_file(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    content = f"id,n\n1,{text}\n".encode(encoding)
    with pytest.raises(BadEncoding, match=f"--encoding {encoding}"):
        read(path, content)
    assert read(path, content, encoding=encoding)[0] == [{"id": "1", "n": text}]


def test_a_few_bad_bytes_in_utf8_are_a_broken_line_and_no_other_encoding(tmp_path: Path) -> None:
    content = b"id,n\n" + b"1,\xff\xfe\n" + "2,Café\n3,x\n".encode()
    rows, broken = read(tmp_path / "a.csv", content)
    assert [row["id"] for row in rows] == ["2", "3"]
    assert broken == [2]


def test_an_encoding_that_is_wrong_or_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadEncoding, match="is not ascii"):
        read(tmp_path / "a.csv", "id,n\n1,Café\n".encode(), encoding="ascii")
    with pytest.raises(BadEncoding, match="'latin9000'"):
        read(tmp_path / "a.csv", PLAIN, encoding="latin9000")


@given(st.binary(max_size=300))
def test_a_guess_at_an_encoding_is_always_one_that_exists(sample: bytes) -> None:
    assert "x".encode(likely_encoding(sample))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"PK\x03\x04xxxx", "spreadsheet"), (bytes(range(256)) * 9, "binary"), (b"\n\n\n", "no header")],
)
def test_what_holds_no_table_is_told_what_does(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UnknownFormat, match=said):
        read(tmp_path / "a.csv", content)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="nothere"):
        find_files(tmp_path / "nothere.csv")


def test_a_directory_is_its_tables_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.jsonl", "dt=1/part-0.parquet", "_SUCCESS", ".hidden.csv", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(PLAIN)
    found = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path)]
    assert found == ["a.jsonl", "b.csv", "dt=1/part-0.parquet"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownFormat, match="no table"):
        find_files(tmp_path / "empty")


@given(st.binary(max_size=400))
def test_whatever_bytes_come_are_rows_or_an_error_with_a_remedy(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    for start in (b"", b"id,n\n", b'{"a":1}\n', b"["):
        try:
            rows, _ = read(path, start + content)
        except (UnknownFormat, BadEncoding, UnreadableFile):
            continue
        assert all(isinstance(row, dict) for row in rows)


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@given(rows=st.lists(st.tuples(cells, cells, cells), max_size=8), delimiter=st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: Any, rows: list[tuple[str, ...]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([("id", "n", "t"), *rows])
    read_back, broken = read(tmp_path_factory.getbasetemp() / "written.csv", text.getvalue().encode())
    assert broken == []
    assert read_back == [{name: cell for name, cell in zip(("id", "n", "t"), row, strict=True) if cell} for row in rows]


def products(n: int, *, pad: int = 0) -> list[dict[str, Any]]:
    return [{"id": i, "title": f'a "b" {{[ {i}', "body": "x" * pad, "variants": [{"id": f"v{i}"}]} for i in range(n)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("after", ["", ', "page": 2, "next": "a\\"b"'])
def test_a_document_that_is_one_long_list_is_read_record_by_record(
    tmp_path: Path, indent: int | None, after: str
) -> None:
    """Larger than one document may be, in pieces that cut it anywhere."""
    whole = products(6_000, pad=3_000)
    path = tmp_path / "products.json"
    text = json.dumps({"products": whole}, indent=indent)
    path.write_text(text[:-1].rstrip() + after + "}\n")
    assert path.stat().st_size > 2**24
    found = [row for _, row in open_table(path).rows()]
    assert found == whole


def test_a_short_list_on_one_line_stays_one_document(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    path.write_text(json.dumps({"products": products(2)}))
    assert [row for _, row in open_table(path).rows()] == [{"products": products(2)}]


def test_two_long_documents_one_after_the_other_are_read(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    one = json.dumps({"items": products(400, pad=300)})
    path.write_text(f"{one}\n{one}\n")
    rows = [row for _, row in open_table(path).rows()]
    assert [row["id"] for row in rows] == [*range(400), *range(400)]


def test_one_record_that_is_too_large_is_told_with_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    path.write_text(json.dumps({"products": [{"id": 1, "body": "x" * (2**24 + 2**22)}]}, indent=1))
    ((line, row),) = open_table(path).rows()
    assert line == 3
    assert isinstance(row, BrokenLine)
    assert "is larger than 16 MB" in row.message


def test_a_fault_within_a_long_list_costs_that_record_alone(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    lines = json.dumps({"products": products(5)}, indent=1).splitlines(keepends=True)
    path.write_text(
        "".join(
            line.replace('"title"', "title") if '"id": 2' in before else line
            for before, line in zip(["", *lines], lines, strict=False)
        )
    )
    rows = [row for _, row in open_table(path).rows()]
    assert [isinstance(row, BrokenLine) for row in rows].count(True) == 1
    assert [row["id"] for row in rows if isinstance(row, dict)] == [0, 1, 3, 4]
