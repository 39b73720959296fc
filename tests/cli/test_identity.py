"""Which devices are whose: read from another system, shown, taken apart and joined again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def joined(run: Run, tmp_path: Path) -> Run:
    """A shop that was told of three edges by a file with names of its own; one row is broken."""
    file = tmp_path / "graph.csv"
    file.write_text(
        "cookie,crm_id,seen,how\n"
        "phone,ann,2026-03-01T10:00:00Z,hashed e-mail\n"
        "laptop,ann,2026-03-02T10:00:00Z,hashed e-mail\n"
        "till,ben,2026-03-02T11:00:00Z,loyalty card\n"
        "tv,,2026-03-02T11:00:00Z,nothing\n",
        encoding="utf-8",
    )
    mapping = "anonymous_id=cookie,user_id=crm_id,at=seen,evidence=how"
    code, out, _ = run("import", "identities", file, "--map", mapping, "--json")
    report = json.loads(out)
    assert (code, report["accepted"], report["rejected"]) == (1, 3, 1)
    assert report["reasons"][0]["code"] == "missing_field"
    again = json.loads(run("import", "identities", file, "--map", mapping, "--json")[1])
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    return run


def devices(run: Run, user: str) -> list[tuple[str, str]]:
    found = json.loads(run("identity", "devices", user, "--json")[1])
    return [(one["anonymous_id"], one["evidence"]) for one in found["devices"]]


def test_edges_of_another_system_say_whose_a_device_is(joined: Run) -> None:
    assert devices(joined, "ann") == [("phone", "hashed e-mail"), ("laptop", "hashed e-mail")]
    assert "loyalty card" in joined("identity", "devices", "ben")[1]


def test_what_was_wrong_is_taken_apart_and_joined_again(joined: Run) -> None:
    assert json.loads(joined("identity", "separate", "till", "ben", "--reason", "a till", "--json")[1])["separated"]
    assert devices(joined, "ben") == []
    assert "apart already" in joined("identity", "separate", "till", "ben")[2]
    assert "one person" in joined("identity", "join", "till", "ben")[2]
    assert [name for name, _ in devices(joined, "ben")] == ["till"]


def test_who_was_never_seen_is_named_when_they_are_taken_apart(joined: Run) -> None:
    told = json.loads(joined("identity", "separate", "brandnew", "ben", "--json")[1])
    assert (told["separated"], told["unknown"]) == (True, ["brandnew"])
    assert "Nobody has seen brandnew or nobody yet" in joined("identity", "separate", "brandnew", "nobody")[2]
    assert "unknown" not in json.loads(joined("identity", "separate", "phone", "ann", "--json")[1])


def test_a_file_without_users_names_what_is_missing(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "graph.csv"
    file.write_text("cookie,mail\nphone,x\n", encoding="utf-8")
    code, _, err = run("import", "identities", file)
    assert code == 2
    assert "no column for anonymous_id, user_id" in err


def test_identities_are_written_as_they_are_read(joined: Run) -> None:
    lines = [json.loads(line) for line in joined("export", "identities", "--user", "ann")[1].splitlines()]
    assert [line["anonymous_id"] for line in lines] == ["phone", "laptop"]
