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


def test_a_revoked_key_stops_in_every_process(keys, shop_dir, clock):
    secret = keys.create("shop", "secret")
    with App.open(shop_dir, clock=clock) as other:
        assert other.keys.find(secret) is not None
        assert len(other.keys.living()) == 1
        keys.revoke("shop")
        assert keys.find(secret) is None
        assert other.keys.find(secret) is None
        assert other.keys.living() == {}


def test_a_key_made_elsewhere_is_known(keys, shop_dir, clock):
    with App.open(shop_dir, clock=clock) as other:
        assert keys.find(other.keys.create("shop", "secret")) is not None


def test_a_key_expires_by_itself(keys, clock):
    secret = keys.create("intern", "read", expires_days=2)
    clock.now += 2 * 86_400 - 1
    assert keys.find(secret) is not None
    clock.now += 1
    assert keys.find(secret) is None
    assert [key.has_expired(clock.now) for key in keys.living().values()] == [True]
    for days in (0, -1, float("nan")):
        with pytest.raises(BadInput, match="cannot expire"):
            keys.create("intern", "read", expires_days=days)


def test_the_last_use_is_kept_to_the_day(keys, clock):
    first, other = keys.create("shop", "secret"), keys.create("page", "write")
    key = keys.find(first)
    assert key.last_used_at is None
    keys.mark_used({key.key_id}, clock.now)
    assert keys.find(first).last_used_at == clock.now // 86_400 * 86_400
    assert keys.find(other).last_used_at is None
    keys.mark_used({key.key_id}, clock.now - 86_400)
    assert keys.find(first).last_used_at == clock.now // 86_400 * 86_400


def test_making_and_revoking_is_told_to_who_keeps_them_in_memory(keys):
    keys.create("shop", "secret")
    assert keys.changes == 1
    keys.revoke("shop")
    assert keys.changes == 2


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
    with pytest.raises(BadInput, match="'reed'") as refused:
        keys.create("shop", "reed")
    assert "Did you mean 'read'? Allowed: console, events, read, secret, write." in refused.value.hint
    for name in ("", "  ", "x" * 101):
        with pytest.raises(BadInput, match="characters"):
            keys.create(name, "secret")
