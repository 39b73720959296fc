"""What the house depends on: pinned, needed, under a licence that was allowed, and the command that says so."""

import importlib.util
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit = _audit()


def test_everything_installed_that_is_needed_is_pinned_and_nothing_else() -> None:
    lock = audit.locked()
    wanted = audit.needed(audit.asked_for(audit.extras_of_pyproject()), without=audit.PINNED_BY_PYPROJECT)
    installed = {audit.canonicalize_name(one.name) for one in metadata.distributions()}
    assert (wanted & installed) - {*lock} == set()
    assert audit.idle(lock, wanted) == []


@pytest.mark.parametrize("package", sorted(audit.locked()))
def test_every_package_is_under_an_allowed_licence(package: str) -> None:
    try:
        licences = audit.licences_of(package)
    except metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    assert licences
    assert licences <= audit.ALLOWED


def test_the_whole_is_found_in_order() -> None:
    assert audit.findings() == []


def test_what_is_missing_idle_or_other_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = {name: version for name, version in audit.locked().items() if name != "msgspec"} | {"idle-thing": "1.0"}
    monkeypatch.setattr(audit, "locked", lambda: {**lock, "numpy": "0.1"})
    monkeypatch.setattr(audit, "ALLOWED", audit.ALLOWED - {"isc"})
    monkeypatch.setattr(audit, "extras_of_pyproject", lambda: ["dev"])  # which is installed wherever a test runs
    told = "\n".join(audit.findings())
    assert "msgspec is needed and not in requirements.lock" in told
    assert "idle-thing is in requirements.lock and nothing needs it" in told
    assert "0.1 in requirements.lock" in told
    assert "shellingham is under 'isc', which nobody allowed." in told


def test_without_a_list_of_weaknesses_it_says_so_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit.util, "find_spec", lambda _name: None)
    assert audit.ask_for_weaknesses() == 0
    assert "not checked: no advisory database" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("says", "exit_code", "code", "told"),
    [
        ("No known vulnerabilities found", 0, 0, "No known vulnerabilities"),
        ("Found 1 known vulnerability in 1 package", 1, 1, "Found 1 known vulnerability"),
        ("ConnectionError: no network", 1, 0, "not checked: no advisory database (ConnectionError: no network)"),
    ],
)
def test_pip_audit_is_believed_where_it_reached_its_list(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    says: str,
    exit_code: int,
    code: int,
    told: str,
) -> None:
    program = tmp_path / "stands-in"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({says!r})\nsys.exit({exit_code})\n")
    program.chmod(0o755)
    monkeypatch.setattr(audit.util, "find_spec", lambda _name: True)
    monkeypatch.setattr(audit.sys, "executable", str(program))
    assert audit.ask_for_weaknesses() == code
    assert told in capsys.readouterr().out
