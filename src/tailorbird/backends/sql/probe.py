"""Looking at a SQLite file from outside: is its writer's lock free, and which processes have it open."""

import sqlite3
from pathlib import Path
from typing import Literal

_WAIT_SECONDS = 0.5


def lock_state(path: Path) -> Literal["absent", "free", "held", "damaged"]:
    """Try the writer's lock for half a second and let go of it at once. Writes nothing."""
    if not path.exists():
        return "absent"
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return "held"
    except sqlite3.DatabaseError:
        return "damaged"
    finally:
        connection.close()
    return "free"


def processes_with(path: Path) -> list[tuple[int, str]]:
    """Process id and command of every process that has the file open; only where /proc tells (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.resolve() == path.resolve() for link in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(process.name), command.strip()))
        except OSError:
            continue  # the process ended meanwhile, or belongs to somebody else
    return sorted(found)
