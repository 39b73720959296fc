"""What the pages tell a reader to type really runs, and prints what they say.

A fence says after its language what becomes of it: ``run`` (it must succeed), ``run exit=1``, ``serve`` (it goes on
beside the rest of the page), ``file=NAME`` (it is written there), ``output`` (the snippet before must have printed it;
``...`` stands for anything) or ``shown`` (for reading only). All snippets of a page share one temporary directory, the
variables that they set, and a free port in the place of 8000. Of ``console`` the lines after ``$`` are typed.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md")})
FENCE = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = {"bash", "console", "python", "toml", "csv", "json"}
WORDS = re.compile(r"run|run exit=\d+|serve|file=\S+|output|shown")
DRAWN = re.compile(r"[\s\u2500-\u257f]+")
BODY = re.compile(r"curl [^\n|;]*?(?<=\s)(?:-d|--data|--data-binary|--data-raw)\b[^\n]*")
PATIENCE_SECONDS = 300


class Snippet(NamedTuple):
    language: str
    words: str
    text: str
    line: int


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(found[1], found[2].strip(), found[3], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def acts(page: Path) -> bool:
    return any(snippet.words.startswith(("run", "serve")) for snippet in snippets(page))


class Reader:
    """Somebody who types what a page says."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.told = ""
        self.servers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TAILORBIRD_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "COLUMNS": "120",
            "PYTHONPATH": str(folder),
            "TAILORBIRD_SERVER__PORT": str(port),
            # A page is about what a slate holds; a busy machine shall not make it late.
            "TAILORBIRD_BUDGET__TOTAL_MS": "10000",
        }

    def follow(self, snippet: Snippet) -> None:
        text = snippet.text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        match snippet.words.split("="):
            case ["run", *code]:
                self.run(snippet.language, text, int(code[0]) if code else 0)
            case ["run exit", code]:
                self.run(snippet.language, text, int(code))
            case ["serve"]:
                self.serve(text)
            case ["file", name]:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_text(text, encoding="utf-8")
            case ["output"]:
                pattern = ".*?".join(re.escape(part.strip()) for part in plain(text).split("..."))
                if not re.search(pattern, plain(self.told)):
                    raise AssertionError(f"{text}\nwas not in\n{self.told}")

    def run(self, language: str, text: str, code: int) -> None:
        if language == "console":
            text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-c", kept(text)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        )
        self.told = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code, f"{text}\nended with {done.returncode}:\n{self.told}"

    def serve(self, text: str) -> None:
        log = self.folder / "served.log"
        with log.open("wb") as out:
            command = ["bash", "-c", f"exec {text.strip()}"]
            self.servers.append(
                subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=out, stderr=out)
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(f"http://127.0.0.1:{self.port}/health/ready"):
            assert self.servers[-1].poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        self.told = log.read_text()

    def leave(self) -> None:
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
        codes = [server.wait(timeout=30) for server in self.servers]
        assert codes == [0] * len(codes), "a server stops politely when asked to"


def kept(text: str) -> str:
    """The snippet, with the variables of the ones before it."""
    return f"set -euo pipefail\n[ -f .kept ] && . ./.kept\nset -a\n{text}\nset +a\nexport -p > .kept\n"


def plain(text: str) -> str:
    """Words with one space between them; the lines that tables are drawn with count as space."""
    return DRAWN.sub(" ", text).strip()


def answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    someone = Reader(tmp_path, port)
    yield someone
    someone.leave()


@pytest.mark.parametrize("page", [page for page in PAGES if acts(page)], ids=lambda page: page.name)
def test_what_a_page_says_can_be_typed(page: Path, reader: Reader) -> None:
    steps = snippets(page)
    if any("curl " in step.text for step in steps) and shutil.which("curl") is None:
        pytest.skip("This page uses curl, which is not installed here.")
    for step in steps:
        try:
            reader.follow(step)
        except AssertionError as error:
            raise AssertionError(f"{page.name}, line {step.line}: {error}") from error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_snippet_says_whether_it_runs(page: Path) -> None:
    unsaid = [s.line for s in snippets(page) if s.language in CODE and not WORDS.fullmatch(s.words)]
    assert page.name == "README.md" or not unsaid, f"{page.name}: lines {unsaid}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_curl_that_sends_a_body_says_what_it_is(page: Path) -> None:
    steps = [step for step in snippets(page) if step.language in CODE]
    known = any("> headers" in step.text and "Content-Type" in step.text for step in steps)
    for step in steps:
        for call in BODY.findall(step.text.replace("\\\n", " ")):
            assert "Content-Type:" in call or ("-H @headers" in call and known), (
                f"{page.name}, line {step.line}: {call}"
            )


def test_a_promise_that_is_not_kept_is_found(reader: Reader) -> None:
    reader.follow(Snippet("bash", "run", "A=1; echo one two\n", 1))
    reader.follow(Snippet("text", "output", "one ... two\n", 2))
    reader.follow(Snippet("console", "run", '$ echo "$A"\n1\n', 3))
    reader.follow(Snippet("text", "output", "1\n", 4))
    with pytest.raises(AssertionError, match="was not in"):
        reader.follow(Snippet("text", "output", "two\n", 5))
    with pytest.raises(AssertionError, match="ended with 3"):
        reader.follow(Snippet("bash", "run", "exit 3\n", 6))
