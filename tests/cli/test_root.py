"""The root of the command line: it is quick, and whatever goes wrong ends as a sentence."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from tailorbird import __version__, cli
from tailorbird.cli import main, shop_dir
from tailorbird.errors import NotFound


def ended(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as error:
        main(words)
    out, err = capsys.readouterr()
    return int(error.value.code or 0), out, err


def app_that(action: object) -> typer.Typer:
    app = typer.Typer()
    app.callback()(cli._root)
    app.command("act")(action)
    return app


def test_help_is_quick_and_loads_no_engine() -> None:
    code = (
        "import sys, contextlib, io\nfrom tailorbird.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['--help'])\n"
        "print([m for m in ('numba', 'sqlalchemy', 'pyarrow', 'lightgbm', 'litestar') if m in sys.modules])"
    )
    began = time.monotonic()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
    assert time.monotonic() - began < 5  # 0.2 s on a quiet machine


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["--version"], capsys) == (0, f"{__version__}\n", "")


def test_an_unknown_command_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["nonsense"], capsys)[0] == 2


@pytest.mark.parametrize("words", [["--shop-dir", "x", "act"], ["act", "--shop-dir", "x"], ["act", "--shop-dir=x"]])
def test_the_shop_directory_may_stand_anywhere(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(context: typer.Context) -> None:
        typer.echo(shop_dir(context))

    monkeypatch.setattr(cli, "build_app", lambda: app_that(act))
    assert ended(words, capsys) == (0, "x\n", "")


def test_the_shop_directory_comes_from_the_environment_or_is_shop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(context: typer.Context) -> None:
        typer.echo(f"{shop_dir(context) == Path('shop')} {shop_dir(context)}")

    monkeypatch.setattr(cli, "build_app", lambda: app_that(act))
    monkeypatch.delenv("TAILORBIRD_DIR", raising=False)
    assert ended(["act"], capsys)[1] == "True shop\n"
    monkeypatch.setenv("TAILORBIRD_DIR", "elsewhere")
    assert ended(["act"], capsys)[1] == "False elsewhere\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NotFound("No item is called 'x'.", hint="Try y."), 1, "Error: No item is called 'x'. Try y. (not_found)"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("oops"), 2, "ZeroDivisionError: oops"),
    ],
)
def test_whatever_goes_wrong_ends_as_a_sentence(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def act() -> None:
        raise error

    monkeypatch.setattr(cli, "build_app", lambda: app_that(act))
    ended_with, out, err = ended(["act"], capsys)
    assert (ended_with, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_a_developer_may_ask_for_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def act() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build_app", lambda: app_that(act))
    monkeypatch.setenv("TAILORBIRD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["act"])


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    rows = "".join(f'{{"item_id":"{n}","title":"{"x" * 200}"}}\n' for n in range(3_000))
    (tmp_path / "items.jsonl").write_text(rows)
    tailorbird = f"{sys.executable} -m tailorbird --shop-dir {tmp_path / 'shop'}"
    script = (
        f"{tailorbird} import items {tmp_path / 'items.jsonl'} --json >/dev/null && {tailorbird} export items | head -1"
    )
    ended_with = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert '"item_id":"0"' in ended_with.stdout
    assert ended_with.stderr == ""
