"""Long work says where it is, also where nobody draws a bar."""

import pytest

from tailorbird.cli.terminal import progress


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Training", line_seconds=0.0) as show:
        show(0.5, "fitting: sasrec, epoch 3")
    out, err = capsys.readouterr()
    assert err == "Training: fitting: sasrec, epoch 3, 50%\n"
    assert not out


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Training") as show:
        show(0.5, "fitting: popular")
    assert capsys.readouterr().err == ""
