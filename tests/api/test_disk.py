"""What happens when the machine fails: the real log on a file that may not grow, or that another process holds."""

import sqlite3
import threading

import pytest
from sqlalchemy import event as database_event


@pytest.fixture
def full_disk(app):
    """Make the log's file unable to grow, for as long as the context lasts."""

    class FullDisk:
        limit = 0

        def __enter__(self):
            with sqlite3.connect(app.log.path) as file:
                self.limit = file.execute("PRAGMA page_count").fetchone()[0]

        def __exit__(self, *_error):
            self.limit = 1_000_000_000

    disk = FullDisk()
    disk.limit = 1_000_000_000

    @database_event.listens_for(app.log.engine, "checkout")
    def _limit(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count={disk.limit}")

    return disk


def test_on_a_full_disk_nothing_is_half_accepted_and_slates_go_on(shop, slate, full_disk, problem, event):
    filler = {"note": "x" * 4_000}
    sent = [event(event_id=f"e-{n}", properties=filler) for n in range(50)]
    with full_disk:
        answer = shop.post("/v1/events", json=sent)
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "tailorbird.db" not in answer.text
        problem(shop.put("/v1/items/new", json={"description": "x" * 9_000}), 503, "unavailable")
        problem(shop.get("/v1/items/new"), 404, "not_found")
        assert slate(limit=5)["items"]
        assert shop.get("/v1/users/ann/profile").status_code == 404
    assert shop.post("/v1/events", json=sent).json() == {"accepted": 50, "duplicates": 0, "rejected": []}


def test_slates_do_not_wait_for_a_process_that_holds_the_log(shop, slate, app, event):
    with sqlite3.connect(app.log.path, isolation_level=None) as importer:
        importer.execute("BEGIN IMMEDIATE")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(shop.post("/v1/events", json=[event()])))
        waiting.start()
        for _ in range(5):
            assert slate(limit=5)["items"]
        assert not answers
        importer.execute("ROLLBACK")
        waiting.join(timeout=10)
    assert answers[0].json()["accepted"] == 1
