"""Opening the shops that one process serves, so that what is wrong with one of them keeps no other from serving."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tailorbird.cli import MARKS_OF_A_SHOP, is_shop
from tailorbird.cli.terminal import note, progress
from tailorbird.errors import BadInput, NoShop, TailorbirdError, Unavailable

if TYPE_CHECKING:
    from tailorbird.api.shops import Closed
    from tailorbird.app import App


def shop_directories(directory: Path) -> list[Path]:
    """Every shop directory in this one, by name.

    Raises:
        NoShop: it holds none.
        BadInput: it is a shop itself.
    """
    if is_shop(directory):
        raise BadInput(
            f"{directory} is a shop itself, not a directory of shops.",
            hint=f"Serve it with --shop-dir {directory}, or name the directory above it.",
        )
    found = sorted(path for path in directory.glob("*/") if is_shop(path)) if directory.is_dir() else []
    if not found:
        raise NoShop(
            f"There is no shop in {directory}.",
            hint=f"A shop is a directory with {' or '.join(MARKS_OF_A_SHOP)}: `tailorbird --shop-dir DIR/NAME init`.",
        )
    return found


@contextlib.contextmanager
def opened(directories: Sequence[Path], *, alone: bool) -> "Iterator[tuple[list[App], list[Closed]]]":
    """Open shops; those that cannot be opened come second, each with its reason. ``alone``, its error is raised."""
    from tailorbird.app import App

    apps: list[App] = []
    closed: list[Closed] = []
    with contextlib.ExitStack() as stack:
        for directory in directories:
            try:
                apps.append(stack.enter_context(App.open(directory)))
            except TailorbirdError as error:
                if alone:
                    raise
                closed.append(_closed(directory, error))
        yield apps, closed


def build_engines(apps: "list[App]", closed: "list[Closed]") -> None:
    """Have every shop follow its log to the end; one that cannot is moved to ``closed``, unless it is the only one."""
    for app in list(apps):
        try:
            with contextlib.suppress(Unavailable):  # a full disk keeps nobody from serving; the next start tries again
                app.finish_erasure()
            app.ledger.summary()  # that it cannot be opened is known now, and not at the first slate
            with progress(f"following the log of {app.shop_dir.name}") as show:
                app.renew(app.build_engine(lambda done, of: show(done / max(of, 1), f"{done:,} records")))
        except Exception as error:  # the edge between shops: whatever is wrong with one, the others are served
            if len(apps) + len(closed) == 1:
                raise
            apps.remove(app)
            closed.append(_closed(app.shop_dir, error))


def _closed(directory: Path, error: Exception) -> "Closed":
    """A shop that is not served; the reason goes to whoever started the server, and to nobody else."""
    from tailorbird.api.shops import Closed
    from tailorbird.backends.sql.keys import open_keys

    told = error if isinstance(error, TailorbirdError) else None
    reason = str(error) if told else f"{type(error).__name__}: {error}"
    note(f"Shop       {directory} is NOT served: {reason}")
    code = told.code if told else TailorbirdError.code
    return Closed(directory.resolve().name, code, reason, open_keys(directory))
