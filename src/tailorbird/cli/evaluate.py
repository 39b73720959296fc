"""`tailorbird evaluate`: models side by side on one data set, under one protocol, the baselines always beside them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tailorbird.cli.terminal import note, print_json, print_table, progress

DEFAULT_MODELS = "popular,trending,covisitation,item-knn,ease,ials,content"


class Protocol(StrEnum):
    """What is asked; each is defined where it is made, in `learning.splits`."""

    LEAVE_ONE_OUT = "leave-one-out"
    TIME_SPLIT = "time-split"
    NEXT_IN_SESSION = "next-in-session"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate_models)


def evaluate_models(
    events: Annotated[Path, typer.Argument(help="a table of events: Parquet, CSV or JSON Lines, a file or a folder")],
    *,
    items: Annotated[Path | None, typer.Option(help="a table of items, for content and diversity")] = None,
    mapping: Annotated[
        str, typer.Option("--map", help="ours=theirs,... such as user_id=UserID,item_id=MovieID,at=Timestamp")
    ] = "",
    protocol: Annotated[Protocol, typer.Option(help="what is asked")] = Protocol.LEAVE_ONE_OUT,
    models: Annotated[
        str, typer.Option(help="names, separated by commas; the baselines are always added")
    ] = DEFAULT_MODELS,
    k: Annotated[str, typer.Option("--k", help="lengths of the short and the long list")] = "10,20",
    refit: Annotated[
        bool, typer.Option("--refit/--strict", help="fit on train and validation for the test, or on train only")
    ] = False,
    tune: Annotated[bool, typer.Option("--tune/--no-tune", help="choose half-life and exponents on validation")] = True,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="MODEL.SETTING=VALUE, such as ease.half_life=none; repeatable")
    ] = None,
    users: Annotated[int | None, typer.Option(min=1, help="sample this many test cases, always the same ones")] = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
) -> None:
    """Compare models: every item ranked, nothing sampled, the past never fitted on the future."""
    from tailorbird.learning.evaluation import data_counts, evaluate, retriever_factories
    from tailorbird.learning.interactions import parse_mapping, read_dataset
    from tailorbird.learning.splits import split

    ks = list_lengths(k)
    data = read_dataset(events, items=items, mapping=parse_mapping(mapping))
    if data.incomplete:
        note(f"{data.incomplete} of {data.rows} rows lack a person, an item or a time and are left out.")
    cut = split(data, protocol.value)
    with progress("evaluate") as show:
        names = [name.strip() for name in models.split(",") if name.strip()]
        factories = retriever_factories(names, cut, model_settings(settings or []))
        results = evaluate(
            cut, factories, refit=refit, tune=tune, ks=ks, n_cases=users, told=lambda name, share: show(share, name)
        )
    report = {
        "protocol": {
            "name": protocol.value,
            "fitted_on": "train and validation" if refit else "train",
            "tuned_on": "validation" if tune else None,
            "ranked": "all items",
            "seen_items": "not ranked" if cut.hide_seen else "ranked",
            "ties": "averaged",
            "k": list(ks),
            "sampled_cases": users,
        },
        "data": {
            **data_counts(cut),
            "rows_left_out": data.incomplete,
            "rows_against": data.against,
            "times": "real" if data.timed else "an order only",
        },
        "results": [result.row() for result in results],
    }
    if json:
        print_json(report)
    else:
        _print(report)


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


def _print(report: dict[str, Any]) -> None:
    """The table for people, and one line on what it is about."""
    data, protocol = report["data"], report["protocol"]
    rows = report["results"]
    measured = next((row for row in rows if "skipped" not in row), {"model": ""})
    columns = [name for name in measured if name != "params"]
    print_table(
        f"{protocol['name']}, fitted on {protocol['fitted_on']}, all items ranked",
        [*columns, "chosen on validation, or why not measured"],
        [[*(row.get(name) for name in columns), _remark(row)] for row in rows],
    )
    print(
        f"{data['users']:,} users, {data['items']:,} items, {data['interactions']:,} interactions, "
        f"{data['test_cases']:,} cases; split {data['split_sha256'][:16]}"
    )


def _remark(row: dict[str, Any]) -> str:
    params = row.get("params", {})
    return row.get("skipped") or ", ".join(f"{name} {'none' if v is None else v}" for name, v in params.items())
