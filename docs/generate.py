"""Write docs/reference from the code itself, or with ``--check`` say which page is stale.

A reference that is written by hand is wrong within a week. Here every command, endpoint, setting, event type, error
and model is read from the object that does the work, so that a page can only say what the code does. The output holds
nothing of the machine it was made on: two people get the same bytes.
"""
# ruff: noqa: INP001  # a script beside the pages that it writes; numba must hear of it before it is imported

import argparse
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

# Nothing here computes anything: compiling loops would take most of the time on a new machine.
os.environ["NUMBA_DISABLE_JIT"] = "1"

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

import tailorbird
from tailorbird.api.problems import CODES
from tailorbird.cli import build_app
from tailorbird.config import DEFAULT_GRADES, DEFAULT_WEIGHTS, Config, FeaturesConfig, PolicyConfig
from tailorbird.errors import MissingField, TailorbirdError
from tailorbird.features import VIEWS, folded
from tailorbird.ingest import events as event_fields
from tailorbird.ingest import items as item_fields
from tailorbird.ingest import users as user_fields
from tailorbird.ingest.advice import (
    LEARNED_FROM,
    LEAST_SESSIONS,
    MOST_EASE_ITEMS,
    MOST_USER_KNN,
    NEURAL,
    OF_PURCHASES,
    RANKER_LABELS,
    SEQUENCES_FROM,
    SESSION_LENGTHS,
)
from tailorbird.learning.models import UNTRAINED
from tailorbird.learning.tuning import SEARCHES
from tailorbird.ranking.lambda_ranker import LambdaRanker, LambdaRankerConfig
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import EVENT_TYPES, MAX_ID_CHARACTERS

from endpoints import http
from prose import in_json, prose, table

PAGES: Final = Path(__file__).parent / "reference"
_HEAD: Final = "<!-- Written by docs/generate.py from the code. Do not edit: change the code and run it again. -->"


# ---- commands ---------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Every command with its arguments and options, as ``--help`` tells them."""
    yield "Exit codes: 0 done; 1 it ran and the answer is no; 2 it could not run, and stderr says why and what to do."
    yield "With `--json` only JSON goes to stdout; progress and notes go to stderr."
    root = get_command(build_app())
    context = root.make_context("tailorbird", [], resilient_parsing=True)
    yield "## tailorbird"
    yield prose(root.help)
    yield from _options(root, context)
    yield from _subcommands(root, context, "tailorbird")


def _subcommands(group: Any, context: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        here = f"{path} {name}"
        if hasattr(command, "commands"):
            yield f"## {here}"
            yield prose(command.help)
            yield from _subcommands(command, inner, here)
            continue
        arguments = [_argument(one, inner) for one in command.get_params(inner) if one.param_type_name == "argument"]
        yield f"### {here}"
        yield prose(command.help)
        yield f"`{' '.join([here, *arguments, '[OPTIONS]'])}`"
        yield from _options(command, inner)


def _options(command: Any, context: Any) -> Iterator[str]:
    records = [one.get_help_record(context) for one in command.get_params(context) if not one.hidden]
    rows = []
    for names, text in (record for record in records if record):
        if names.startswith(("-h,", "--install-completion", "--show-completion")):
            continue
        said, _, rest = text.rpartition("[") if text.endswith("]") else (text, "", "")
        rows.append((f"`{names}`", prose(said), f"`{rest[:-1]}`" if rest else ""))
    yield table(("argument or option", "meaning", "default, bounds"), rows)


def _argument(parameter: Any, context: Any) -> str:
    name = str(parameter.get_help_record(context)[0]).partition(" ")[0]
    return name if name.isupper() or "|" in name else name.upper()


# ---- configuration ----------------------------------------------------------------------------------------------


def configuration() -> Iterator[str]:
    """Every setting with its default, its bounds and its variable."""
    yield (
        "Settings live in `tailorbird.toml` in the shop directory; `tailorbird init` writes one with every default. "
        "A variable overrides the file. Lists can be set in the file only. All mistakes are told at once."
    )
    yield "`TAILORBIRD_DIR` chooses the shop directory, `TAILORBIRD_DEBUG=1` shows tracebacks; neither is a setting."
    top = {
        n: f
        for n, f in Config.model_fields.items()
        if n not in {"policies", "models"} and not isinstance(f.default, BaseModel)
    }
    yield "## At the top of the file"
    yield _settings(top, variable="TAILORBIRD")
    for name, field in Config.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield f"## [{name}]"
            yield prose(inspect.getdoc(type(field.default)))
            yield _settings(type(field.default).model_fields, variable=f"TAILORBIRD_{name.upper()}")
    yield "## [policies.SURFACE]"
    yield prose(inspect.getdoc(PolicyConfig)) + " One table per surface that differs from the defaults."
    yield _settings(PolicyConfig.model_fields, variable="TAILORBIRD_POLICIES__HOME")
    yield "## [models.NAME]"
    yield "Settings of one model, by its name. [models](models.md) lists each model's settings."


def _settings(fields: Mapping[str, FieldInfo], *, variable: str | None = None) -> str:
    rows = []
    for name, field in fields.items():
        value = field.get_default(call_default_factory=True)
        cells = [f"`{name}`", _annotated(field), f"`{in_json(value)}`", prose(field.description)]
        if variable is not None:
            cells.append("" if _is_list(field.annotation) else f"`{_variable(variable, name, field)}`")
        rows.append(cells)
    heads = ("setting", "type", "default", "meaning", *(("variable",) if variable is not None else ()))
    return table(heads, rows)


def _variable(section: str, name: str, field: FieldInfo) -> str:
    glue = "_" if section == "TAILORBIRD" else "__"
    inner = "__NAME" if get_origin(field.annotation) is dict else ""
    return f"{section}{glue}{name.upper()}{inner}"


def _annotated(field: FieldInfo) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    bounds = [
        f"{sign} {getattr(rule, bound):g}"
        for rule in field.metadata
        for bound, sign in signs.items()
        if getattr(rule, bound, None) is not None
    ]
    patterns = [f"matches `{rule.pattern}`" for rule in field.metadata if getattr(rule, "pattern", None)]
    return ", ".join([_type(field.annotation), *bounds, *patterns])


def _type(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is Annotated:
        return _type(parts[0])
    if origin is dict:
        return f"table of {_type(parts[1])}"
    if origin in (tuple, list):
        return f"list of {_type(parts[0])}"
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " or ".join(_type(part) for part in parts)
    names = {
        str: "text",
        float: "number",
        int: "whole number",
        bool: "true or false",
        type(None): "nothing",
        Any: "any",
    }
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list)


# ---- events -----------------------------------------------------------------------------------------------------


def events() -> Iterator[str]:
    """Every event type with its weight and needs, and every field of what arrives."""
    yield (
        "The weight says what an event tells about its item: above 0 interest, below 0 an explicit no, 0 neither. "
        "Set others under `[events.weights]`. A rating at or under `events.low_rating` counts as a no. The grade is "
        "what the ranker learns to put first."
    )
    yield "Any other type is accepted and kept, and weighs 0 until the configuration gives it a weight."
    rows = [
        (f"`{kind}`", f"{DEFAULT_WEIGHTS.get(kind, 0.0):g}", ", ".join(_needs(kind)), str(DEFAULT_GRADES.get(kind, "")))
        for kind in EVENT_TYPES
    ]
    yield table(("type", "default weight", "needs, beside `at` and a user or anonymous id", "grade"), rows)
    readers = (
        ("Fields of an event", event_fields.FIELDS, "properties"),
        ("Fields of an item", item_fields.FIELDS, "attributes"),
        ("Fields of a user", user_fields.FIELDS, "traits"),
    )
    for title, fields, rest in readers:
        yield f"## {title}"
        yield f"Ids have up to {MAX_ID_CHARACTERS} characters. Any other field is kept in `{rest}`."
        rows = [
            (f"`{name}`", prose((inspect.getdoc(reader) or "").partition("\n")[0])) for name, reader in fields.items()
        ]
        yield table(("field", "what is read"), rows)


def _needs(kind: str) -> list[str]:
    """What an event of this type may not lack, found out by sending ever fuller ones."""
    given: dict[str, Any] = {"type": kind, "at": 1_700_000_000, "user_id": "u"}
    values = {"item_id": "i", "rating": 5, "query": "q"}
    needed: list[str] = []
    while True:
        try:
            event_fields.parse_event(given, now=1_700_000_000.0)
        except MissingField as error:
            field = error.message.partition(" ")[0]
            needed.append("`item_id` or `items`" if field == "item_id" else f"`{field}`")
            given[field] = values[field]
        else:
            return needed


# ---- errors -----------------------------------------------------------------------------------------------------


def errors() -> Iterator[str]:
    """Every error with its code, status and exit code."""
    for module in pkgutil.walk_packages(tailorbird.__path__, "tailorbird."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    yield "Scripts match on the code: it never changes. Messages name the value and the remedy, never personal data."
    found, waiting = [], [TailorbirdError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        found.append(kind)
    rows = [
        (f"`{kind.code}`", str(kind.status), str(kind.exit_code), kind.__name__, prose(inspect.getdoc(kind)))
        for kind in sorted(found, key=lambda kind: (kind.code, len(kind.mro()), kind.__name__))
    ]
    yield table(("code", "HTTP status", "exit code", "class", "meaning"), rows)
    known = {kind.code for kind in found}
    rows = [(f"`{code}`", str(status)) for status, code in sorted(CODES.items()) if code not in known]
    yield "Codes of HTTP alone:"
    yield table(("code", "HTTP status"), rows)


# ---- models -----------------------------------------------------------------------------------------------------


def models() -> Iterator[str]:
    """Every retriever and the ranker with their settings, and the feature views with their columns."""
    yield (
        f"Before the first training {_listed(UNTRAINED)} serve. `tailorbird train` leaves out what the data cannot "
        f"carry: learned models start at {LEARNED_FROM:,} interactions, `sasrec` at {SEQUENCES_FROM:,}; "
        f"{_listed(NEURAL)} need torch (`pip install 'tailorbird[deep]'`); `ease` stops at {MOST_EASE_ITEMS:,} items, "
        f"`user-knn` at {MOST_USER_KNN:,} interactions, {_listed(OF_PURCHASES)} need purchases, "
        f"`v-sknn` needs {LEAST_SESSIONS:,} sessions of "
        f"{SESSION_LENGTHS[0]:g} to {SESSION_LENGTHS[1]:g} interactions on average, and the ranker needs "
        f"{RANKER_LABELS:,} labels. `tailorbird check` says which and why."
    )
    yield (
        "A shop's own settings stand under `[models.NAME]`. Those marked *chosen* belong to the question, not the "
        "fit: `evaluate` chooses them on validation, and `train` on a later period of the log, unless the shop has set "
        "anything for that model."
    )
    yield "## Retrievers"
    for name, kind in RETRIEVERS.items():
        yield f"### {name}"
        yield from _model(kind, kind.Config, chosen=SEARCHES.get(name, {}))
    yield "## Ranker"
    yield f"### {LambdaRanker.name}"
    yield from _model(LambdaRanker, LambdaRankerConfig, chosen={})


# ---- features ---------------------------------------------------------------------------------------------------


def features() -> Iterator[str]:
    """Every feature view with what it promises, and what its columns mean."""
    yield (
        "Each view is a fold over the log in one file. The ranker reads the columns of those that are not left out "
        "(`leave_out` under `[features]`); profiles read them, and those of the "
        "others that are named in `keep`. `tailorbird features list` says how the columns "
        "stand today, `tailorbird features select` which are worth their place."
    )
    rows = []
    for name, view in VIEWS.items():
        usual = FeaturesConfig()
        kept = view in folded(usual.leave_out, usual.keep)
        left_out = name in usual.leave_out or not view.columns
        ranked = "ranker, profile" if not left_out else "profile" if kept else "if kept"
        ttl = f"{view.ttl_days:g} days" if isfinite(view.ttl_days) else "for ever"
        owner, fresh = view.owner, f"{view.freshness_seconds:g} s"
        rows.append((f"[{name}](#{name})", view.scope.value, str(view.version), owner, ttl, fresh, ranked))
    yield table(("view", "scope", "version", "owner", "kept", "may be stale", "read by"), rows)
    yield (
        "*Kept*: a state whose owner did nothing for so long reads as empty and is let go; a visit ends with its gap "
        "all the same. *May be stale*: how far behind the log a reader may be before the values mislead."
    )
    for name, view in VIEWS.items():
        yield f"## {name}"
        yield prose(_module_doc(view))
        if view.columns:
            yield f"Columns: {_listed(view.columns)}. {prose(inspect.getdoc(view.read))}"
        if shop := getattr(view, "shop", None):
            yield f"It is read beside [{shop}](#{shop})."


def _model(kind: type, config: type[BaseModel], *, chosen: Iterable[str]) -> Iterator[str]:
    yield prose(_module_doc(kind))
    yield prose(inspect.getdoc(kind))
    table = _settings(config.model_fields)
    for name in chosen:
        table = table.replace(f"| `{name}` |", f"| `{name}` *chosen* |")
    yield table


def _module_doc(kind: type) -> str:
    return inspect.getdoc(import_module(kind.__module__)) or ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


WRITERS: Final[Mapping[str, tuple[str, Callable[[], Iterator[str]]]]] = {
    "commands.md": ("Commands", commands),
    "http.md": ("HTTP", http),
    "configuration.md": ("Configuration", configuration),
    "events.md": ("Events, items and users", events),
    "errors.md": ("Errors", errors),
    "models.md": ("Models", models),
    "features.md": ("Features", features),
}


def written() -> dict[str, str]:
    """Page name -> its text, as the code is now."""
    pages = {}
    for page, (title, write) in WRITERS.items():
        parts = [_HEAD, f"# {title}", *write()]
        pages[page] = "\n\n".join(part for part in parts if part).rstrip() + "\n"
    return pages


def main() -> int:
    """Write the pages; with ``--check`` compare, and return 1 if one of them is stale."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the pages that are stale")
    check = parser.parse_args().check
    PAGES.mkdir(exist_ok=True)
    stale = []
    for page, text in written().items():
        path = PAGES / page
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(page)
        if not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        said = "is stale; run: python docs/generate.py" if check else "written"
        sys.stderr.write("".join(f"docs/reference/{page} {said}\n" for page in stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
