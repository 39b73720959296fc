"""The retriever that a page teaches to write keeps every promise that ours keep."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "write-a-retriever.md"
REGISTER = """
import sys
import again
from tailorbird.retrieval import _Retrievers
sys.modules["tailorbird.retrieval.again"] = again
_Retrievers._PLACES.clear()  # the others have their own run
_Retrievers._PLACES[again.Again.name] = ("again", "Again")
"""


def test_the_retriever_of_the_page_passes_the_conformance_suite(tmp_path: Path) -> None:
    code = re.search(
        r"^```python file=again.py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert code
    (tmp_path / "again.py").write_text(code[1], encoding="utf-8")
    (tmp_path / "register.py").write_text(REGISTER, encoding="utf-8")
    suite = ROOT / "tests" / "conformance" / "test_retrievers.py"
    command = [sys.executable, "-m", "pytest", "-p", "register", "-p", "no:cacheprovider", str(suite)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
