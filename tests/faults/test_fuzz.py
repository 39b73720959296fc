"""`make faults`: what the suite tries a hundred times, thousands of times; and whether any of it stays in memory."""

import contextlib
import gc
import os
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.backends.memory import MemoryLog
from tailorbird.config import Config
from tailorbird.errors import BadInput
from tailorbird.ingest.formats import FORMATS
from tailorbird.ingest.formats.reader import FormatReader
from tailorbird.ingest.importer import ImportOptions, import_file

from contract import Contract
from hostile import FILES, GOOD, spoilt_by, torn_by
from made_up import NOW, small_shop
from served import served

pytestmark = pytest.mark.faults

CASES = 10_000
OFTEN = settings(
    max_examples=2_000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture
def contract(shop_dir: Path) -> Any:
    with App.open(shop_dir, config=Config()) as app:
        app.append(small_shop(n_events=200))
        with TestClient(create_api(app), raise_server_exceptions=False) as client:
            client.headers["Authorization"] = f"Bearer {app.keys.create('test', 'secret')}"
            yield Contract(client, {"Authorization": f"Bearer {app.keys.create('page', 'write')}"})


@OFTEN
@given(data=st.data())
def test_every_answer_fits_the_document(contract: Contract, data: st.DataObject) -> None:
    contract.ask_anything(data)


@OFTEN
@given(data=st.data())
def test_every_format_of_events_is_taken_or_refused(contract: Contract, data: st.DataObject) -> None:
    contract.send_events(data)


def test_ten_thousand_damaged_files_leave_nothing_in_memory(tmp_path: Path) -> None:
    draw, file, held = Random(1), tmp_path / "file", []
    for n in range(CASES + CASES // 4):
        kind, form, content = draw.choice(FILES)
        file.write_bytes(torn_by(draw, content))
        encoding = draw.choice((None, None, None, "utf-16", "latin-1"))
        with contextlib.suppress(BadInput):
            options = ImportOptions(fmt=form, encoding=encoding)
            report = import_file(MemoryLog(), file, kind, now=NOW, options=options)  # type: ignore[arg-type]
            assert report.rows == report.accepted + report.duplicates + report.rejected
        if n in (CASES // 4, CASES + CASES // 4 - 1):
            held.append(resident_mb())
    assert held[-1] < 1.05 * held[0], held


def test_ten_thousand_spoilt_messages_leave_nothing_in_memory() -> None:
    draw, held = Random(2), []
    for n in range(CASES + CASES // 4):
        kind, name, good = draw.choice(GOOD)
        form = FORMATS[kind][name]()  # type: ignore[index]
        reader = FormatReader(form, MemoryLog().current, now=NOW, currency="EUR")
        for message in form.messages(spoilt_by(draw, good)):
            with contextlib.suppress(BadInput):
                reader.read(message)
        if n in (CASES // 4, CASES + CASES // 4 - 1):
            held.append(resident_mb())
    assert held[-1] < 1.05 * held[0], held


@pytest.mark.skipif(shutil.which("schemathesis") is None, reason="pip install -e '.[fuzz]' brings schemathesis")
def test_schemathesis_finds_no_broken_promise(shop_dir: Path) -> None:
    """Its own generators and its own reading of the document, over HTTP."""
    with App.open(shop_dir, config=Config()) as app:
        app.append(small_shop(n_events=200))
        with served(app) as shop:
            checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
            command = ["schemathesis", "run", f"{shop.address}/openapi.json", "--header", f"X-API-Key: {shop.key}"]
            command += ["--checks", checks, "--seed", "1", "--max-examples", "30", "--request-timeout", "10"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout[-6_000:]
