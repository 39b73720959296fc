"""The pages hold together: links lead somewhere, every noun is explained, and no choice is left without its reasons."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "tailorbird"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md")})
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MOST_LINES_OF_A_DECISION = 45


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them."""
    plain = [re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in plain}


def links(page: Path) -> Iterator[str]:
    return (link for link in LINK.findall(prose(page)) if "://" not in link and not link.startswith("mailto:"))


def nouns(module: str) -> list[str]:
    tree = ast.parse((SOURCE / module).read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_every_page_is_reached_from_the_index_or_the_readme() -> None:
    seen, waiting = set(), [DOCS / "index.md", ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
        waiting.extend(t for t in targets if t.suffix == ".md" and t.exists())
    assert not [named(page) for page in DOCS.rglob("*.md") if page not in seen]


@pytest.mark.parametrize("noun", [*nouns("types.py"), *nouns("protocols.py")])
def test_every_noun_is_in_the_glossary(noun: str) -> None:
    assert f"\n**{noun}**" in (DOCS / "glossary.md").read_text(encoding="utf-8")


def test_no_module_has_a_name_that_the_glossary_forbids() -> None:
    told = re.search(r"^Never the name of a module: (.+)\.$", prose(DOCS / "glossary.md"), re.MULTILINE)
    assert told
    forbidden = set(told[1].split(", "))
    assert {"manager", "helper", "util", "common", "logic", "data", "info"} <= forbidden
    assert not [path for path in SOURCE.rglob("*.py") if {path.stem, *path.relative_to(SOURCE).parts} & forbidden]


@pytest.mark.parametrize("page", DECISIONS, ids=named)
def test_a_decision_says_its_context_choice_cost_and_when_to_look_again(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.name[:4]} \S", text)
    assert HEADING.findall(text)[1:] == ["Context", "Choice", "Cost", "When to revisit"]
    assert len(text.splitlines()) <= MOST_LINES_OF_A_DECISION


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_nothing_in_a_page_is_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(home|root|Users|work|tmp)/", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [p for p in PAGES if "reference" not in p.parts], ids=named)
def test_files_and_modules_that_a_page_names_exist(page: Path) -> None:
    """Paths in backticks that begin in the repository, such as `src/tailorbird/decide.py`."""
    paths = re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./-]+)`", prose(page))
    assert not [path for path in paths if not (ROOT / path).exists()]
