"""The newest check's result in the shop directory."""

from tailorbird.app import App
from tailorbird.config import Config
from tailorbird.ingest.checks.kept import FILE, newest_check
from tailorbird.types import Entry


def test_a_check_is_kept_without_the_ids_of_events(tmp_path):
    body = b'{"type":"gaze","at":1.7e9,"event_id":"e1","user_id":"ann"}'
    with App.open(tmp_path, config=Config(), clock=lambda: 1.7e9) as app:
        assert newest_check(tmp_path) is None
        app.append([Entry("event", "e1", 1.7e9, body)])
        told = app.check()
    kept = newest_check(tmp_path)
    assert kept is not None
    assert (kept.at, kept.seq, kept.ready) == (1.7e9, 1, False)
    assert [finding.code for finding in kept.findings] == [finding.code for finding in told.findings]
    (gaze,) = (finding for finding in told.findings if finding.code == "weightless_types")
    (same,) = (finding for finding in kept.findings if finding.code == "weightless_types")
    assert [(row.seq, row.id) for row in gaze.examples] == [(1, "e1")]
    assert [(row.seq, row.id) for row in same.examples] == [(1, "")]
    assert kept.levels["problem"] == sum(finding.level == "problem" for finding in told.findings)


def test_a_file_that_cannot_be_read_is_no_check(tmp_path):
    (tmp_path / FILE).write_text("{")
    assert newest_check(tmp_path) is None
