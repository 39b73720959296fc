"""Nothing that is loaded may run code: no pickle anywhere, said by the syntax tree and not by a word in a comment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path for room in ("src", "benchmarks", "docs", ".ci") for path in (ROOT / room).rglob("*.py"))
UNPICKLES = frozenset({"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "skops"})


def unsafe(text: str) -> Iterator[str]:
    """What of a program could run what it loads."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in UNPICKLES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in UNPICKLES:
            yield node.module or ""
        elif isinstance(node, ast.Call):
            yield from _unsafe_call(node)


def _unsafe_call(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func)
    room, _, name = called.rpartition(".")
    said = {word.arg: ast.unparse(word.value) for word in node.keywords}
    if name in ("read_pickle", "load_pickle", "to_pickle"):
        yield called
    if name == "import_module" and node.args and ast.unparse(node.args[0]).strip("'\"") in UNPICKLES:
        yield called
    if room in ("torch", "torch.jit", "torch.package") and name == "load" and said.get("weights_only") != "True":
        yield called
    if room in ("np", "numpy") and name == "load" and said.get("allow_pickle") != "False":
        yield called
    if said.get("allow_pickle") not in (None, "False"):
        yield called


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_program_loads_what_could_run(program: Path) -> None:
    assert not list(unsafe(program.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "import_module('dill')",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "numpy.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.lib.format.read_array(file, allow_pickle=flag)",
        "pandas.read_pickle(path)",
    ],
)
def test_what_could_run_is_recognised(line: str) -> None:
    assert list(unsafe(line))


@pytest.mark.parametrize(
    "line", ["np.load(path, allow_pickle=False)", "torch.load(path, weights_only=True)", "# pickle"]
)
def test_what_cannot_run_is_left_alone(line: str) -> None:
    assert not list(unsafe(line))
