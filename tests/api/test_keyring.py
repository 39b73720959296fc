"""Whose key is this: found by its hash among all shops, forgotten within a second, and cheap to guess at."""

import asyncio
import hashlib

import pytest

from tailorbird.api.keyring import FRESH_SECONDS, REST_SECONDS, STALE_SECONDS, Keyring
from tailorbird.errors import Unavailable
from tailorbird.protocols import Key

NOW = 1_760_000_000.0


def hashed(secret):
    return hashlib.sha256(secret.encode()).digest()


class Store:
    """A shop's keys, which counts how often it is read."""

    def __init__(self, *secrets):
        self.changes, self.n_read, self.used, self.broken = 0, 0, [], False
        self.secrets = {secret: Key(secret, secret, "secret", NOW) for secret in secrets}

    def living(self):
        self.n_read += 1
        if self.broken:
            raise Unavailable("The disk is gone.")
        return {hashed(secret): key for secret, key in self.secrets.items()}

    def mark_used(self, key_ids, at):
        self.used.append((sorted(key_ids), at))


@pytest.fixture
def ticks():
    class Ticks:
        now = 100.0

        def __call__(self):
            return self.now

    return Ticks()


@pytest.fixture
def stores():
    return {"a": Store("one"), "b": Store("two")}


@pytest.fixture
def ring(stores, ticks):
    return Keyring(stores, clock=lambda: NOW, ticks=ticks)


def test_a_key_is_found_in_the_shop_that_it_belongs_to(ring):
    async def work():
        return [await ring.find(secret) for secret in ("one", "two", "three", "")]

    found = asyncio.run(work())
    assert [held and held.shop for held in found] == ["a", "b", None, None]


def test_fresh_keys_are_read_from_memory(ring, stores, ticks):
    async def work():
        for _ in range(50):
            ticks.now += FRESH_SECONDS / 100
            assert await ring.find("one")

    asyncio.run(work())
    assert stores["a"].n_read == 1


def test_a_key_revoked_elsewhere_is_out_within_a_second(ring, stores, ticks):
    async def work():
        assert await ring.find("one")
        del stores["a"].secrets["one"]
        ticks.now += STALE_SECONDS + 0.01
        assert await ring.find("one") is None

    asyncio.run(work())


def test_what_this_process_changes_holds_at_once(ring, stores):
    async def work():
        assert await ring.find("one")
        del stores["a"].secrets["one"]
        stores["a"].changes += 1
        assert await ring.find("one") is None
        stores["b"].secrets["three"] = Key("three", "three", "write", NOW)
        stores["b"].changes += 1
        held = await ring.find("three")
        assert held.shop == "b"

    asyncio.run(work())


def test_older_keys_are_renewed_beside_the_request_that_asks(ring, stores, ticks):
    async def work():
        assert await ring.find("one")
        ticks.now += FRESH_SECONDS + 0.1
        del stores["a"].secrets["one"]
        assert await ring.find("one"), "it is not a second old"
        await ring.close()
        assert await ring.find("one") is None

    asyncio.run(work())
    assert stores["a"].n_read <= 3


def test_a_thousand_guesses_share_a_few_readings(stores):
    ring = Keyring(stores, clock=lambda: NOW)

    async def work():
        return await asyncio.gather(*(ring.find(f"guess-{n}") for n in range(1_000)))

    assert set(asyncio.run(work())) == {None}
    assert stores["a"].n_read <= 2
    assert len(ring._held) == 2


def test_a_key_made_elsewhere_is_known_after_a_short_rest(stores):
    ring = Keyring(stores, clock=lambda: NOW)

    async def work():
        assert await ring.find("three") is None
        stores["b"].secrets["three"] = Key("three", "three", "write", NOW)
        return await asyncio.wait_for(ring.find("three"), 20 * REST_SECONDS)

    assert asyncio.run(work()).shop == "b"


def test_a_shop_whose_keys_cannot_be_read_for_a_moment_keeps_those_it_had(ring, stores, ticks):
    async def work():
        assert await ring.find("one")
        stores["a"].broken = True
        stores["b"].secrets.clear()
        ticks.now += 2 * STALE_SECONDS
        assert await ring.find("one")
        assert await ring.find("two") is None

    asyncio.run(work())


def test_the_day_of_use_is_written_once_and_at_the_end(ring, stores):
    async def work():
        for _ in range(5):
            await ring.find("one")
        await ring.close()

    asyncio.run(work())
    assert stores["a"].used == [(["one"], NOW)]
    assert stores["b"].used == []
