"""The reference leaves nothing out, and is what the code says today."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from tailorbird.api.documentation import endpoints, error_codes
from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.cli import build_app
from tailorbird.config import Config, PolicyConfig
from tailorbird.features import VIEWS
from tailorbird.ingest import events, items, users
from tailorbird.ranking.lambda_ranker import LambdaRankerConfig
from tailorbird.retrieval import RETRIEVERS
from tailorbird.types import EVENT_TYPES

DOCS = Path(__file__).parents[2] / "docs"


def reference(page: str) -> str:
    return (DOCS / "reference" / page).read_text(encoding="utf-8")


def commands(group: Any, path: str = "tailorbird") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def options(page: str, config: type[BaseModel]) -> list[str]:
    return [name for name in config.model_fields if f"| `{name}`" not in page]


def test_no_page_is_stale() -> None:
    told = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def test_every_command_and_every_option_is_there() -> None:
    page = reference("commands.md")
    for name, command in commands(get_command(build_app())):
        section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert section, name
        missing = [one.opts[0] for one in command.params if one.opts[0].startswith("--") and one.opts[0] not in section]
        assert not missing, (name, missing)


def test_every_endpoint_is_there(tmp_path: Path) -> None:
    page = reference("http.md")
    with App.open(tmp_path, config=Config()) as app:
        found = [f"### {method.upper()} {path}\n" for path, method, _, _ in endpoints(create_api(app))]
    assert found
    assert not [endpoint for endpoint in found if endpoint not in page]


def test_every_setting_is_there_and_says_what_it_means() -> None:
    page = reference("configuration.md")
    sections = {n: f.default for n, f in Config.model_fields.items() if isinstance(f.default, BaseModel)}
    for name, section in sections.items():
        part = page.partition(f"## [{name}]\n")[2].partition("\n## ")[0]
        assert not options(part, type(section)), name
        assert not [n for n, f in type(section).model_fields.items() if not f.description], name
    assert not options(page.partition("## [policies.")[2], PolicyConfig)
    assert not [n for n in Config.model_fields if n not in sections and n not in page]


def test_every_event_type_and_every_field_that_arrives_is_there() -> None:
    page = reference("events.md")
    assert not [kind for kind in EVENT_TYPES if f"| `{kind}` |" not in page]
    assert not [f for fields in (events.FIELDS, items.FIELDS, users.FIELDS) for f in fields if f"| `{f}` |" not in page]


def test_every_code_is_there() -> None:
    page = reference("errors.md")
    assert not [code for code, _, _ in error_codes() if f"| `{code}` |" not in page]


@pytest.mark.parametrize("name", RETRIEVERS)
def test_every_model_is_there_with_its_settings(name: str) -> None:
    section = reference("models.md").partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert not options(section, RETRIEVERS[name].Config)


def test_the_ranker_is_there() -> None:
    assert not options(reference("models.md").partition("### ranker\n")[2], LambdaRankerConfig)


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_there_with_its_columns(name: str) -> None:
    page = reference("features.md")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert f"| [{name}](#{name}) | {VIEWS[name].scope.value} |" in page
    assert section
    assert not [column for column in VIEWS[name].columns if f"`{column}`" not in section]


def test_a_page_that_was_changed_by_hand_is_called_stale(tmp_path: Path) -> None:
    for script in DOCS.glob("*.py"):
        (tmp_path / script.name).write_bytes(script.read_bytes())
    copy = tmp_path / "generate.py"
    subprocess.run([sys.executable, str(copy)], check=True, capture_output=True)
    page = tmp_path / "reference" / "errors.md"
    assert page.read_text(encoding="utf-8") == reference("errors.md"), "the same bytes wherever it runs"
    page.write_text("Nothing ever goes wrong.\n", encoding="utf-8")
    told = subprocess.run([sys.executable, str(copy), "--check"], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr.startswith("docs/reference/errors.md is stale")


def test_the_page_on_comparing_begins_with_every_model() -> None:
    table = (DOCS / "how-to" / "compare-models.md").read_text(encoding="utf-8").split("\n\n")[1]
    first = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(.*?)`", " ".join(first))) == sorted([*RETRIEVERS, "ranker"])
