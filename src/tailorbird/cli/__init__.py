"""The command line: one root, one module per group of commands, no logic.

Each module of `COMMAND_GROUPS` exposes ``register(app)`` and imports what its commands need inside them, so that
``tailorbird --help`` answers in a fraction of a second. `main` is the edge of the process: whatever goes wrong below
ends here as two sentences on stderr and an exit code (0 done, 1 the answer is no, 2 could not run).
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from tailorbird import __version__
from tailorbird.errors import NoShop, TailorbirdError

COMMAND_GROUPS: Final = (
    *("shop", "items", "models", "features", "evaluate", "serving"),
    *("identity", "privacy", "backup", "simulate", "bench"),
)
"""Modules of this package that add commands, in the order of the help page. One that is not installed is left out."""

DEFAULT_SHOP_DIR: Final = "./shop"
_SHOP_DIR_OPTION: Final = "--shop-dir"
MARKS_OF_A_SHOP: Final = ("tailorbird.toml", "tailorbird.db")


def shop_dir(context: typer.Context) -> Path:
    """The shop directory that the caller chose: ``--shop-dir``, else TAILORBIRD_DIR, else ``./shop``."""
    chosen = context.find_root().obj
    return chosen if isinstance(chosen, Path) else Path(os.environ.get("TAILORBIRD_DIR", DEFAULT_SHOP_DIR))


def is_shop(directory: Path) -> bool:
    """Whether a directory holds a shop's settings or its log."""
    return any((directory / name).exists() for name in MARKS_OF_A_SHOP)


def existing_shop(context: typer.Context) -> Path:
    """The shop directory, for a command that only reads: a mistyped one must not become a new shop.

    Raises:
        NoShop: it holds neither settings nor a log.
    """
    directory = shop_dir(context)
    if not is_shop(directory):
        raise NoShop(
            f"There is no shop at {directory}.",
            hint="`tailorbird init` makes one, an import too; --shop-dir or TAILORBIRD_DIR says where it is.",
        )
    return directory


def build_app() -> typer.Typer:
    """The root with every command group that is there."""
    app = typer.Typer(
        name="tailorbird",
        help="A personalisation engine that a shop hosts itself.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMAND_GROUPS:
        module = f"{__name__}.{name}"
        if find_spec(module) is not None:
            import_module(module).register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code; never with a traceback."""
    from typer.main import get_command

    words = _shop_dir_first(list(sys.argv[1:] if arguments is None else arguments))
    try:
        get_command(build_app()).main(args=words, prog_name="tailorbird")
    except TailorbirdError as error:
        _tell(f"Error: {error.message}", error.hint, f"({error.code})")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # the edge of the process: a shopkeeper gets sentences, a developer asks for more
        if os.environ.get("TAILORBIRD_DEBUG"):
            raise
        _tell(
            f"Error: this should not have happened: {type(error).__name__}: {error}.",
            "Set TAILORBIRD_DEBUG=1 and run it again to see where.",
            "(internal_error)",
        )
        sys.exit(2)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it with the flag
    if asked:
        print(__version__)
        raise typer.Exit


def _root(
    context: typer.Context,
    directory: Annotated[
        Path,
        typer.Option(
            _SHOP_DIR_OPTION,
            envvar="TAILORBIRD_DIR",
            help="Holds tailorbird.toml, the log, the ledger and the models. May stand anywhere on the line.",
        ),
    ] = Path(DEFAULT_SHOP_DIR),
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """A personalisation engine that a shop hosts itself."""
    context.obj = directory


def _shop_dir_first(words: list[str]) -> list[str]:
    """Move ``--shop-dir DIR`` to the front: people add it where they stop typing, but only the root reads it."""
    end = words.index("--") if "--" in words else len(words)
    for at, word in enumerate(words[:end]):
        if word == _SHOP_DIR_OPTION and at + 1 < end:
            return [word, words[at + 1], *words[:at], *words[at + 2 :]]
        if word.startswith(f"{_SHOP_DIR_OPTION}="):
            return [word, *words[:at], *words[at + 1 :]]
    return words


def _tell(*sentences: str) -> None:
    print(" ".join(sentence for sentence in sentences if sentence), file=sys.stderr)
