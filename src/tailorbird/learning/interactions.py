"""A table of events as columns, for measuring and fitting without a log in between.

Parquet and CSV are read column by column with pyarrow, a million rows a second, because an evaluation is repeated far
more often than an import. What a row means is the same as in `import`: ids, ``--map``, and the weights of event types
and ratings. The order of one person's events is (``at``, place in the file), stably: sorting MovieLens by its times
without that changes a quarter of all test items.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from tailorbird.catalogue import Catalogue
from tailorbird.config import EventsConfig
from tailorbird.errors import (
    BadInput,
    BadNumber,
    BadTime,
    BrokenLine,
    ImplausibleTime,
    NotEnoughEvents,
    NotFound,
    UnknownColumn,
    UnknownFormat,
    did_you_mean,
)
from tailorbird.ingest.events import LIMITS
from tailorbird.ingest.items import FIELDS, parse_item
from tailorbird.types import (
    DAY_SECONDS,
    FIRST_TIME,
    NOBODY,
    Array,
    BoolArray,
    Event,
    FloatArray,
    IntArray,
    Interactions,
)

EVENT_COLUMNS: Final = ("user_id", "item_id", "at", "session_id", "type", "rating")
_NEEDED: Final = ("user_id", "item_id", "at")


@dataclass(frozen=True)
class Dataset:
    """Interactions of interest in the order of their times, with the names of the people.

    ``sessions`` (n,) numbers the session of each row, NOBODY where none is known. ``timed`` is False when ``at`` is
    only a position in each person's order. ``rows`` were read; ``incomplete`` of them lacked a person, an item or a
    time, and ``against`` were no interest (a low rating, a dismissal).
    """

    interactions: Interactions
    catalogue: Catalogue
    user_ids: Sequence[str]
    sessions: IntArray
    timed: bool
    rows: int
    incomplete: int = 0
    against: int = 0


def parse_mapping(text: str | None) -> dict[str, str]:
    """``ours=theirs,...`` as a dictionary.

    >>> parse_mapping("user_id=UserID,at=Timestamp")
    {'user_id': 'UserID', 'at': 'Timestamp'}

    Raises:
        BadInput: a part has no ``=``, or names no field of an event or an item.
    """
    mapping: dict[str, str] = {}
    for part in (text or "").split(","):
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not (ours and equals and theirs):
            raise BadInput(f"--map has the part '{part}'.", hint="Write ours=theirs, as in user_id=UserID.")
        if ours not in EVENT_COLUMNS and ours not in FIELDS:
            raise BadInput(f"--map names the field '{ours}'.", hint=did_you_mean(ours, {*EVENT_COLUMNS, *FIELDS}))
        mapping[ours] = theirs
    return mapping


def read_dataset(
    events: Path,
    *,
    items: Path | None = None,
    mapping: Mapping[str, str] | None = None,
    config: EventsConfig | None = None,
    now: float | None = None,
) -> Dataset:
    """Read a file or folder of events, and of items if there is one. ``mapping`` (ours -> theirs) holds for both.

    With ``now`` a table is refused as a whole where `import` would reject a row: see `GoodRows`, which parts the rows.

    Raises:
        BadInput: one of its children, naming the file, the column or the value.
        NotEnoughEvents: no row is complete.
    """
    table = _columns_of(events, dict(mapping or {}), alone=now is None)
    rows = table.num_rows
    table = table.filter(_complete(table))
    incomplete = rows - table.num_rows
    weights = _weights(table, config or EventsConfig())
    table, weights = table.filter(pa.array(weights > 0)), weights[weights > 0]
    if not table.num_rows:
        raise NotEnoughEvents(f"{events} has no complete interaction among {rows} rows.", hint="Is --map right?")
    at = _times(table["at"], events)
    if now is not None and at.max() > now + DAY_SECONDS:
        raise ImplausibleTime(f"{events} has times that are more than a day ahead.")
    # A file of times may hold a few broken ones; a file of positions holds no times at all.
    real = at >= FIRST_TIME
    if 2 * np.count_nonzero(real) > len(at) and not real.all():
        incomplete += int(np.count_nonzero(~real))
        table, weights, at = table.filter(pa.array(real)), weights[real], at[real]
    catalogue, item_ids = Catalogue(), table["item_id"].combine_chunks().dictionary_encode()
    users = table["user_id"].combine_chunks().dictionary_encode()
    order = np.argsort(at, kind="stable")
    numbers = np.array([catalogue.number(item) for item in item_ids.dictionary.to_pylist()], np.int32)
    interactions = Interactions(
        users=_codes(users)[order],
        items=numbers[_codes(item_ids)][order],
        at=at[order],
        weights=weights[order],
        n_users=len(users.dictionary),
        n_items=len(catalogue),
        bought=_bought(table)[order],
    )
    if items is not None:
        describe(catalogue, items, dict(mapping or {}))
    return Dataset(
        interactions=interactions,
        catalogue=catalogue,
        user_ids=users.dictionary.to_pylist(),
        sessions=_sessions(table)[order],
        timed=bool(at.min() >= FIRST_TIME),
        rows=rows,
        incomplete=incomplete,
        against=rows - incomplete - len(at),
    )


def describe(catalogue: Catalogue, path: Path, mapping: Mapping[str, str]) -> None:
    """Put the items of a file into the catalogue. Columns that are no field of an item become attributes.

    Raises:
        BadInput: a row is no item; the message names the value.
    """
    table = read_table(path)
    renamed = {theirs: ours for ours, theirs in mapping.items() if ours in FIELDS and theirs in table.column_names}
    if "item_id" not in {*renamed.values(), *table.column_names}:
        raise UnknownColumn(
            f"{path} has no column 'item_id'.", hint=f"Add --map item_id=ONE OF {', '.join(table.column_names)}."
        )
    for batch in table.to_batches(10_000):
        for row in batch.to_pylist():
            catalogue.upsert(parse_item({renamed.get(name, name): value for name, value in row.items()}))


def read_table(path: Path) -> Any:
    """A file, or all files of one kind in a folder, as one pyarrow table.

    Raises:
        NotFound, UnknownFormat, BrokenLine: there is none, its kind is not read here, or its content is not that kind.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist.", hint="Name a file or folder of Parquet, CSV or JSON Lines.")
    files = sorted(f for f in path.iterdir() if _reader(f)) if path.is_dir() else [path]
    if not files or not _reader(files[0]):
        raise UnknownFormat(f"{path} is not read here.", hint="Parquet, CSV and JSON Lines are (.gz too).")
    try:
        return pa.concat_tables([_reader(file)(file) for file in files], promote_options="default")
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise BrokenLine(f"{path} cannot be read: {error}.") from error


def _reader(path: Path) -> Any:
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return pa.parquet.read_table
    if name.endswith((".csv", ".tsv")):
        options = pa.csv.ParseOptions(delimiter="\t" if name.endswith(".tsv") else ",")
        return lambda file: pa.csv.read_csv(file, parse_options=options)
    if name.endswith((".jsonl", ".ndjson")):
        return pa.json.read_json
    return None


def _columns_of(path: Path, mapping: dict[str, str], *, alone: bool) -> Any:
    """The columns of events under our names, ids as text; ``alone``, whatever stands in the other ones."""
    table = read_table(path)
    for name in () if alone else LIMITS:
        if (theirs := mapping.get(name, name)) in table.column_names and not _all_good(table[theirs], LIMITS[name]):
            raise BadNumber(f"{path} has rows in which {theirs} is no number that `import` would take.")
    found = {}
    for name in EVENT_COLUMNS:
        theirs = mapping.get(name, name)
        # A rating alone is interest, low or high, as in every published figure, unless --map says to read it.
        if theirs in table.column_names and (name != "rating" or name in mapping or "type" in found):
            found[name] = table[theirs]
        elif name in _NEEDED or (name in mapping and name not in FIELDS):
            raise UnknownColumn(
                f"{path} has no column '{theirs}' for {name}.",
                hint=f"Its columns are {', '.join(table.column_names)}; use --map {name}=ONE OF THEM.",
            )
    for name in {"user_id", "item_id", "session_id"} & set(found):
        found[name] = _as_id(found[name])
    return pa.table(found)


def _all_good(column: Any, least: float) -> bool:
    """Whether a column holds nothing but finite numbers from ``least`` on, and gaps."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return bool(pa.types.is_null(column.type))
    bounds = pc.min_max(pc.cast(column, pa.float64(), safe=False))
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is None or (low >= least and high < float("inf"))


def _as_id(column: Any) -> Any:
    """Ids as text; 17850.0, which a column with gaps makes of 17850, is 17850."""
    if pa.types.is_floating(column.type):
        whole = pc.cast(column, pa.int64(), safe=False)
        if pc.all(pc.equal(pc.cast(whole, column.type), column)).as_py():
            column = whole
    return pc.cast(column, pa.string())


def _complete(table: Any) -> Any:
    """Which rows have a person, an item and a time."""
    ok = pc.is_valid(table["at"])
    for name in ("user_id", "item_id"):
        ok = pc.and_(ok, pc.and_(pc.is_valid(table[name]), pc.not_equal(pc.fill_null(table[name], ""), "")))
    return ok


def _times(column: Any, path: Path) -> FloatArray:
    """Epoch seconds, or positions, as float64."""
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            column = _parsed(column)
            kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            # What is finer than a microsecond is cut off: nobody does two things within one.
            micros = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
            return np.asarray(micros.to_numpy(), np.float64) / 1e6
        at = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadTime(
            f"The times of {path} cannot be read: {error}.", hint="ISO 8601 or numbers are needed."
        ) from error
    if not np.isfinite(at).all():
        raise BadTime(f"{path} has a time that is no number.", hint="ISO 8601 or numbers are needed.")
    largest = float(np.abs(at).max(initial=0.0))
    return at / (1.0 if largest < 1e11 else 1e3 if largest < 1e14 else 1e6 if largest < 1e17 else 1e9)


def _parsed(column: Any) -> Any:
    """Text as numbers if all of it is, else as ISO 8601."""
    try:
        return pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return pc.cast(column, pa.timestamp("us"))


def _weights(table: Any, config: EventsConfig) -> FloatArray:
    """What each row says, by its type and rating; 1 where the file has neither."""
    names = [name for name in ("type", "rating") if name in table.column_names]
    if not names:
        return np.ones(table.num_rows)
    columns = [table[name].to_pylist() for name in names]
    told: dict[tuple[Any, ...], float] = {}
    weights = np.empty(table.num_rows)
    for row, values in enumerate(zip(*columns, strict=True)):
        if values not in told:
            told[values] = _weight(dict(zip(names, values, strict=True)), config)
        weights[row] = told[values]
    return weights


def _weight(said: dict[str, Any], config: EventsConfig) -> float:
    rating = None if said.get("rating") is None else float(said["rating"])
    kind = said.get("type") or "rating"
    return config.weight(Event(type=str(kind), at=0.0, rating=rating))


def _bought(table: Any) -> BoolArray:
    """Which rows are purchases; none where the file has no types."""
    if "type" not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    bought = pc.fill_null(pc.equal(pc.cast(table["type"], pa.string()), "purchase"), fill_value=False)
    return np.asarray(bought.to_numpy(), np.bool_)


def _sessions(table: Any) -> IntArray:
    """A number per session of a person; NOBODY without a session column."""
    if "session_id" not in table.column_names:
        return np.full(table.num_rows, NOBODY, np.int32)
    both = pc.binary_join_element_wise(table["user_id"], pc.fill_null(table["session_id"], ""), "\x1f")
    return _codes(both.combine_chunks().dictionary_encode())


def _codes(encoded: Any) -> IntArray:
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int32)


def is_whole(ids: Iterable[str]) -> bool:
    """Whether every id is a plain whole number, so that they sort as numbers."""
    return all(name.isdecimal() and name.isascii() for name in ids)


def positions_within(starts: Array, counts: Array) -> Array:
    """``starts[n] + 0 .. counts[n] - 1`` for every n, one after another."""
    ends = np.cumsum(counts)
    within: Array = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
    return within
