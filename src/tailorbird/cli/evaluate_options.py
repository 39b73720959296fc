"""The options of `tailorbird evaluate`, and what their words mean."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Protocol(StrEnum):
    """What is asked; each is defined where it is made, in `learning.splits`."""

    LEAVE_ONE_OUT = "leave-one-out"
    TIME_SPLIT = "time-split"
    NEXT_IN_SESSION = "next-in-session"
    STRONG_GENERALISATION = "strong-generalisation"
    REPLAY = "replay"


class FoldIn(StrEnum):
    """Which interactions of a person nobody was fitted on are told, in strong-generalisation."""

    RANDOM = "random"
    TEMPORAL = "temporal"


EventsFile = Annotated[
    Path | None,
    typer.Argument(help="a table of events: Parquet, CSV or JSON Lines, a file or a folder; without it, the log"),
]
ItemsFile = Annotated[Path | None, typer.Option(help="a table of items, for content and diversity")]
ColumnNames = Annotated[
    str, typer.Option("--map", help="ours=theirs,... such as user_id=UserID,item_id=MovieID,at=Timestamp")
]
Decimal = Annotated[str, typer.Option("--decimal", help='"," reads numbers of the file such as 12,50.')]
EventType = Annotated[
    str | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="The type of all events of the file, or which of their types is which of ours: item_view=view.",
    ),
]
Asked = Annotated[
    Protocol | None, typer.Option(help="what is asked; default: time-split of the log, leave-one-out of a table")
]
FoldedIn = Annotated[
    FoldIn | None,
    typer.Option(help="strong-generalisation: 80% of a history at random (as published), or its oldest 80%"),
]
Models = Annotated[
    str,
    typer.Option(
        help="names, separated by commas; baselines are added; ranker learns over all, slates are its whole pages"
    ),
]
Lengths = Annotated[str, typer.Option("--k", help="lengths of the short and the long list")]
Refit = Annotated[
    bool,
    typer.Option(
        "--refit/--strict",
        help="fit on train and validation for the test (in a replay: anew every night), or on train only",
    ),
]
Frozen = Annotated[
    bool,
    typer.Option("--frozen", help="replay: nothing learns after the fit, and only people's own histories move on"),
]
Tune = Annotated[bool, typer.Option("--tune/--no-tune", help="choose half-life and exponents on validation")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="MODEL.SETTING=VALUE, such as ease.half_life=none; repeatable")
]
Users = Annotated[
    int | None,
    typer.Option(min=1, help="sample this many test cases, always the same ones; default: all, of a replay 5,000"),
]
Segment = Annotated[
    str | None, typer.Option(help="ask only those with new (up to 2), light (3 to 10) or heavy (more) histories")
]
BySegment = Annotated[bool, typer.Option("--by-segment", help="add a table by length of history")]
Json = Annotated[bool, typer.Option("--json", help="print JSON and nothing else")]


def fold_in_of(protocol: Protocol, fold_in: FoldIn | None) -> dict[str, str]:
    """The option of strong-generalisation, which nothing else has.

    Raises:
        BadInput: another protocol was given one.
    """
    from tailorbird.errors import BadInput

    if protocol is Protocol.STRONG_GENERALISATION:
        return {"fold_in": (fold_in or FoldIn.RANDOM).value}
    if fold_in is not None:
        raise BadInput(
            f"--fold-in {fold_in.value} is nothing to {protocol.value}.",
            hint="It is for --protocol strong-generalisation.",
        )
    return {}


def check_pace(protocol: Protocol, *, refit: bool, frozen: bool) -> None:
    """A replay is frozen or fitted again; nothing else can be frozen.

    Raises:
        BadInput: it is to be both, or another protocol was to be frozen.
    """
    from tailorbird.errors import BadInput

    if frozen and protocol is not Protocol.REPLAY:
        raise BadInput(
            f"--frozen is nothing to {protocol.value}, where nothing learns after the fit.",
            hint="It is for --protocol replay.",
        )
    if frozen and refit:
        raise BadInput(
            "--frozen never fits again, --refit does every night.", hint="Leave one out, and run twice to compare."
        )


def list_lengths(text: str) -> tuple[int, int]:
    """``10,20`` as two numbers; one number counts for both.

    Raises:
        BadInput: it is not one or two whole numbers above 0.
    """
    from tailorbird.errors import BadInput

    parts = [part.strip() for part in text.split(",")]
    if not 1 <= len(parts) <= 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise BadInput(f"--k is '{text}'.", hint="Give one or two lengths of lists, as in 10,20.")
    numbers = sorted(int(part) for part in parts)
    return numbers[0], numbers[-1]


def model_settings(texts: list[str]) -> dict[str, dict[str, str | None]]:
    """``MODEL.SETTING=VALUE`` texts by model; ``none`` is no value.

    >>> model_settings(["ease.half_life=none", "ease.last=50"])
    {'ease': {'half_life': None, 'last': '50'}}

    Raises:
        BadInput: a text has another form.
    """
    from tailorbird.errors import BadInput

    settings: dict[str, dict[str, str | None]] = {}
    for text in texts:
        place, equals, value = text.partition("=")
        model, dot, setting = place.rpartition(".")
        if not (equals and dot and model and setting):
            raise BadInput(f"--set is '{text}'.", hint="Write MODEL.SETTING=VALUE, as in ease.half_life=none.")
        settings.setdefault(model, {})[setting] = None if value == "none" else value
    return settings
