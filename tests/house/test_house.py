"""The house keeps its shape."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "tailorbird"
MODULES = sorted(SOURCE.rglob("*.py"))
FORBIDDEN = {"manager", "helper", "helpers", "util", "utils", "common", "logic", "data", "info", "misc", "base"}


def test_a_cold_import_takes_less_than_three_tenths_of_a_cpu_second() -> None:
    program = "import time; t = time.process_time(); import tailorbird; print(time.process_time() - t)"
    taken = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(taken) < 0.3


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [m for m in MODULES if m.stem in FORBIDDEN or m.parent.name in FORBIDDEN]


def test_the_root_holds_eight_modules_at_most() -> None:
    assert len([m for m in SOURCE.glob("*.py") if not m.stem.startswith("__")]) <= 8


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SOURCE)))
def test_files_stay_short_enough_to_hold_in_the_head(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 450


def test_drivers_appear_only_in_backends() -> None:
    driver = re.compile(
        r"^\s*(import|from) (sqlalchemy|sqlite3|psycopg|redis|confluent_kafka|pyspark|nats)\b", re.MULTILINE
    )
    found = [m for m in MODULES if "backends" not in m.parts and driver.search(m.read_text())]
    assert not found
