"""Tables of events as columns: what a row means, and what is said about a bad one."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tailorbird.errors import BadInput, BadTime, BrokenLine, NotEnoughEvents, NotFound, UnknownColumn, UnknownFormat
from tailorbird.learning.interactions import parse_mapping, positions_within, read_dataset

CSV = "user_id,item_id,at\nu1,a,3\nu1,b,1\nu2,a,2\n"


def written(folder: Path, text: str, name: str = "events.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_rows_stand_in_the_order_of_their_times(tmp_path: Path) -> None:
    data = read_dataset(written(tmp_path, CSV))
    log = data.interactions
    assert [data.catalogue.ids[n] for n in log.items] == ["b", "a", "a"]
    assert [data.user_ids[n] for n in log.users] == ["u1", "u2", "u1"]
    assert log.at.tolist() == [1, 2, 3]
    assert not data.timed


def test_equal_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    lines = "".join(f"u,i{n},{n // 50}\n" for n in range(200))
    data = read_dataset(written(tmp_path, "user_id,item_id,at\n" + lines))
    assert [data.catalogue.ids[n] for n in data.interactions.items] == [f"i{n}" for n in range(200)]


def test_one_broken_time_among_real_ones_is_left_out_and_does_not_make_them_an_order(tmp_path: Path) -> None:
    rows = "".join(f"u{n},a,{1_700_000_000 + n}\n" for n in range(9))
    data = read_dataset(written(tmp_path, f"user_id,item_id,at\n{rows}u9,a,86400\n"))
    assert data.timed
    assert (len(data.interactions), data.incomplete) == (9, 1)


def test_a_table_with_types_says_what_was_bought(tmp_path: Path) -> None:
    typed = "user_id,item_id,at,type\nu1,a,3,purchase\nu1,b,1,item_view\nu2,a,2,\nu2,b,4,dismiss\nu2,c,0,purchase\n"
    log = read_dataset(written(tmp_path, typed)).interactions
    assert log.at.tolist() == [0, 1, 2, 3], "a dismissal is no interest"
    assert log.bought.tolist() == [True, False, False, True]
    assert log.take(log.items == log.items[0]).bought.tolist() == [True]
    assert not read_dataset(written(tmp_path, CSV)).interactions.bought.any()


def test_any_table_is_read_with_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "ratings.parquet"
    pq.write_table(pa.table({"UserID": [1, 1, 2], "MovieID": [7, 8, 7], "Time": [1e9, 2e9, 3e9]}), path)
    data = read_dataset(path, mapping=parse_mapping("user_id=UserID, item_id=MovieID,at=Time"))
    assert data.catalogue.ids == ["7", "8"]
    assert list(data.user_ids) == ["1", "2"]
    assert data.timed


def test_rows_without_a_person_an_item_or_a_time_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "lines.parquet"
    columns = {"user_id": [17850.0, None, 1.0, 2.0], "item_id": ["a", "b", "", "c"], "at": [1.0, 2.0, 3.0, None]}
    pq.write_table(pa.table(columns), path)
    data = read_dataset(path)
    assert (data.rows, data.incomplete, len(data.interactions)) == (4, 3, 1)
    assert list(data.user_ids) == ["17850"], "a column with gaps holds whole numbers as decimals"


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-31T12:00:00", "2024-02-01T00:00:00"],
        [1_706_702_400, 1_706_745_600],
        [1_706_702_400_000, 1_706_745_600_000],
        [1_706_702_400_000_000_000, 1_706_745_600_000_000_000],
        np.array(["2024-01-31T12:00:00.000000001", "2024-02-01T00:00:00.000000999"], "datetime64[ns]"),
    ],
)
def test_times_are_iso_seconds_milliseconds_or_finer(tmp_path: Path, times: list[object]) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"user_id": ["u", "u"], "item_id": ["a", "b"], "at": times}), path)
    data = read_dataset(path)
    noon = datetime(2024, 1, 31, 12, tzinfo=UTC).timestamp()
    assert data.interactions.at.tolist() == [noon, noon + 43_200]
    assert data.timed


def test_a_rating_counts_as_interest_unless_it_is_mapped(tmp_path: Path) -> None:
    path = written(tmp_path, "user_id,item_id,at,rating\nu,a,1,5\nu,b,2,1\n")
    assert len(read_dataset(path).interactions) == 2
    read = read_dataset(path, mapping={"rating": "rating"})
    assert (len(read.interactions), read.against) == (1, 1)


def test_types_weigh_as_in_the_configuration(tmp_path: Path) -> None:
    path = written(
        tmp_path, "user_id,item_id,at,type\nu,a,1,item_view\nu,b,2,purchase\nu,c,3,list_view\nu,d,4,dismiss\n"
    )
    data = read_dataset(path)
    assert data.interactions.weights.tolist() == [1, 8]
    assert data.against == 2


def test_a_folder_and_compressed_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for n in range(2):
        with gzip.open(folder / f"{n}.csv.gz", "wt") as out:
            out.write(f"user_id,item_id,at\nu{n},a,{n}\n")
    assert len(read_dataset(folder).interactions) == 2


def test_items_are_described_without_adding_to_what_is_ranked(tmp_path: Path) -> None:
    items = written(tmp_path, '{"item_id":"a","title":"A lamp","colour":["red"]}\n{"item_id":"z"}\n', "items.jsonl")
    data = read_dataset(written(tmp_path, CSV), items=items)
    assert data.interactions.n_items == 2
    assert len(data.catalogue) == 3
    assert data.catalogue.item(data.catalogue.find("a")).attributes == {"colour": ["red"]}


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownColumn, match=r"no column 'at'.*user_id, item_id, when.*--map at="):
        read_dataset(written(tmp_path, "user_id,item_id,when\nu,a,1\n"))


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("events.xlsx", "x", UnknownFormat),
        ("events.parquet", "no parquet", BrokenLine),
        ("events.csv", "user_id,item_id,at\nu,a,yesterday\n", BadTime),
        ("events.csv", "user_id,item_id,at\n", NotEnoughEvents),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, text: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="events"):
        read_dataset(written(tmp_path, text, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.csv"):
        read_dataset(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(("text", "word"), [("user_id", "user_id"), ("usr_id=x", "Did you mean 'user_id'")])
def test_a_bad_mapping_is_explained(text: str, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        parse_mapping(text)


def test_positions_within_are_runs_one_after_another() -> None:
    assert positions_within(np.array([5, 9, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]
