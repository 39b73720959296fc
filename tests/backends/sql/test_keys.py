import sqlite3

import pytest

from tailorbird.app import App
from tailorbird.errors import BadInput, NotFound


@pytest.fixture
def clock():
    class Clock:
        now = 1_700_000_000.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def keys(shop_dir, clock):
    with App.open(shop_dir, clock=clock) as app:
        yield app.keys


def test_a_key_is_found_by_its_secret_alone(keys):
    secret = keys.create("shop", "secret")
    key = keys.find(secret)
    assert (key.name, key.scope) == ("shop", "secret")
    assert keys.find(secret[:-1]) is None
    assert keys.find("") is None
    assert keys.find(key.key_id) is None


def test_secrets_are_long_different_and_nowhere_on_the_disk(keys, shop_dir):
    made = {keys.create("shop", "write") for _ in range(20)}
    assert len(made) == 20
    assert all(len(secret) >= 43 for secret in made)
    with sqlite3.connect(shop_dir / "tailorbird.db") as file:
        dump = "\n".join(file.iterdump())
    assert not [secret for secret in made if secret in dump or secret.encode().hex() in dump.lower()]


def test_a_revoked_key_stops_at_once_here_and_within_two_seconds_elsewhere(keys, shop_dir, clock):
    secret = keys.create("shop", "secret")
    with App.open(shop_dir, clock=clock) as other:
        assert other.keys.find(secret) is not None
        keys.revoke("shop")
        assert keys.find(secret) is None
        clock.now += 2.0
        assert other.keys.find(secret) is None


def test_a_key_made_elsewhere_is_known_within_two_seconds(keys, shop_dir, clock):
    with App.open(shop_dir, clock=clock) as other:
        secret = other.keys.create("shop", "secret")
        assert keys.find(secret) is not None


def test_revoking_names_one_key(keys):
    keys.create("shop", "secret")
    keys.create("shop", "secret")
    with pytest.raises(BadInput, match="2 keys"):
        keys.revoke("shop")
    first, second = keys.list()
    assert keys.revoke(first.key_id).revoked_at is not None
    assert keys.revoke("shop").key_id == second.key_id
    assert keys.revoke(first.key_id).key_id == first.key_id
    with pytest.raises(NotFound, match="nobody"):
        keys.revoke("nobody")


def test_a_key_needs_a_known_scope_and_a_name(keys):
    with pytest.raises(BadInput, match="'read'") as refused:
        keys.create("shop", "read")
    assert "secret, write" in refused.value.hint
    for name in ("", "  ", "x" * 101):
        with pytest.raises(BadInput, match="characters"):
            keys.create(name, "secret")


def test_guesses_do_not_fill_the_memory(keys):
    for n in range(1_500):
        keys.find(f"guess-{n}")
    assert len(keys._remembered) <= 1_000
