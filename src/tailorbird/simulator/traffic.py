"""`simulate traffic`: shoppers of a simulated world visit a running engine over HTTP, like everybody else.

Each visit is the same generator that made the history (`visits.Visit`), in step with the clock; the engine's slates
come back as answers, with the prices they say. Nothing here knows how the engine works: it speaks /v1/recommendations,
/v1/events and /v1/identify only.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec
import numpy as np

from tailorbird.errors import BadInput, Unauthorised
from tailorbird.simulator.listings import Listings
from tailorbird.simulator.visits import Ask, Slate, Visit
from tailorbird.simulator.world import World
from tailorbird.types import NOBODY, Event, Identity

MOST_AT_ONCE: Final = 40
REFRESH_SECONDS: Final = 600.0
LONGEST_WAIT_SECONDS: Final = 30.0
_RETRIES: Final = 3
_TICK_SECONDS: Final = 0.25
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Tally:
    """What the visits came to; ``clicks`` and ``slates`` count recommendations that were looked at."""

    visits: int = 0
    events: int = 0
    slates: int = 0
    clicks: int = 0
    orders: int = 0
    refused: int = 0
    abandoned: int = 0


class _GoneError(Exception):
    """The engine cannot be reached, or not now: this visit is over."""


async def visit(
    url: str,
    key: str,
    world: World,
    *,
    rate: float = 30.0,
    duration: float | None = None,
    pace: float = 5.0,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda _sentence: None,
    tally: Tally | None = None,
    clock: Callable[[], float] = time.time,
) -> Tally:
    """Send ``rate`` visits a minute to the engine at ``url`` for ``duration`` seconds, or until ``stop()`` is true.

    Pauses of people are divided by ``pace``. A ``key`` of scope write is enough. While the engine is away nobody
    visits; ``say`` is told once that it went, and once that it is back. ``tally`` is kept up to date while this runs.

    Raises:
        BadInput: the url, the rate or the pace cannot be used.
        Unauthorised: the engine does not take the key.
    """
    if not url.startswith(("http://", "https://")):
        raise BadInput(f"'{url}' is not the address of an engine.", hint="Like http://127.0.0.1:8000.")
    if rate <= 0 or pace <= 0:
        raise BadInput(f"A rate of {rate} at a pace of {pace} brings nobody.", hint="Both must be above 0.")
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10.0) as client:
        street = _Street(client, world, pace, say, clock, tally or Tally())
        return await street.run(rate, None if duration is None else time.monotonic() + duration, stop)


@dataclass
class _Street:
    """Everybody who is on the way to the shop or in it."""

    client: httpx.AsyncClient
    world: World
    pace: float
    say: Callable[[str], None]
    clock: Callable[[], float]
    tally: Tally

    def __post_init__(self) -> None:
        self.listings = Listings(self.world, self.clock())
        self.absent = False
        self._refreshed = self.clock()
        self._complained = False
        self._number = 0

    async def run(self, rate: float, until: float | None, stop: Callable[[], bool]) -> Tally:
        """Let visits begin at random moments; end them all when it is time."""
        rng = np.random.default_rng([self.world.seed, 10, int(self.clock() * 1000)])
        chances = self.world.shoppers.visit_rate / self.world.shoppers.visit_rate.sum()
        inside: set[asyncio.Task[None]] = set()
        coming, wait = time.monotonic(), 1.0

        def over() -> bool:
            return stop() or (until is not None and time.monotonic() >= until)

        try:
            while not over():
                self._raise_first(inside)
                if self.absent:
                    await self._pause(min(wait, LONGEST_WAIT_SECONDS), over)
                    wait = 1.0 if await self._is_back() else wait * 2
                    coming = time.monotonic()
                elif time.monotonic() < coming or len(inside) >= MOST_AT_ONCE:
                    await asyncio.sleep(min(max(coming - time.monotonic(), 0.01), _TICK_SECONDS))
                else:
                    coming += rng.exponential(60.0 / rate)
                    shopper = int(rng.choice(len(chances), p=chances))
                    task = asyncio.create_task(self._one(shopper))
                    inside.add(task)
                    task.add_done_callback(
                        lambda done: None if done.cancelled() or done.exception() else inside.discard(done)
                    )
            self._raise_first(inside)
        finally:
            for task in inside:
                task.cancel()
            await asyncio.gather(*inside, return_exceptions=True)
        return self.tally

    def _raise_first(self, inside: set["asyncio.Task[None]"]) -> None:
        for task in inside:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _pause(self, seconds: float, over: Callable[[], bool]) -> None:
        for _ in range(int(seconds / _TICK_SECONDS)):
            if over():
                return
            await asyncio.sleep(_TICK_SECONDS)

    async def _one(self, shopper: int) -> None:
        """One visit from landing to leaving; abandoned without a sound when the engine goes away."""
        now = self.clock()
        if now - self._refreshed > REFRESH_SECONDS:
            self.listings.refresh(now)
            self._refreshed = now
        # Two visits may begin in the same millisecond, and their events must not share an id.
        self._number = max(int(now * 1000), self._number + 1)
        visiting = Visit(self.world, self.listings, shopper, self._number, now)
        try:
            await self._follow(visiting)
            self.tally.visits += 1
        except _GoneError:
            self.tally.abandoned += 1

    async def _follow(self, visiting: Visit) -> None:
        steps, at, answer = visiting.follow(), visiting.at, None
        waiting: list[Event] = []
        while True:
            try:
                step = steps.send(answer)
            except StopIteration:
                break
            answer, pause, at = None, (step.at - at) / self.pace, step.at
            if pause > 0:
                waiting = await self._send(waiting)
                await asyncio.sleep(pause)
            if isinstance(step, Event):
                waiting.append(msgspec.structs.replace(step, at=round(self.clock(), 3)))
                continue
            waiting = await self._send(waiting)
            if isinstance(step, Identity):
                await self._post("/v1/identify", {"anonymous_id": step.anonymous_id, "user_id": step.user_id})
            else:
                answer = await self._ask(step)
        await self._send(waiting)

    async def _send(self, events: Sequence[Event]) -> list[Event]:
        """Post what happened; always leaves an empty list to go on with."""
        if events:
            receipt = await self._post("/v1/events", {"events": events})
            if receipt is not None:
                self.tally.events += int(receipt.get("accepted", 0))
                self.tally.refused += len(receipt.get("rejected", ()))
                self._complain(*(str(one.get("message")) for one in receipt.get("rejected", ())))
            self.tally.orders += sum(event.type == "purchase" for event in events)
            chosen = [event for event in events if event.decision_id]
            self.tally.clicks += sum(event.type == "list_click" for event in chosen)
            self.tally.slates += sum(event.type == "list_view" for event in chosen)
        return []

    async def _ask(self, ask: Ask) -> Slate | None:
        """The engine's slate, with the prices that it says."""
        body = {
            "surface": ask.surface,
            "anonymous_id": ask.anonymous_id,
            "session_id": ask.session_id,
            "cart": ask.cart,
            "limit": ask.limit,
            "fields": ["price"],
            **({"user_id": ask.user_id} if ask.user_id else {}),
            **({"item_id": ask.item_id} if ask.item_id else {}),
        }
        answer = await self._post("/v1/recommendations", body)
        if answer is None:
            return None
        shown = answer.get("items", [])
        numbers = np.array([self.world.shelf.number.get(one["item_id"], NOBODY) for one in shown], np.int32)
        prices = self.world.prices(self.clock())[numbers] if len(numbers) else np.empty(0)
        told = [(one.get("item") or {}).get("price") for one in shown]
        prices = np.array([ours if price is None else price for ours, price in zip(prices, told, strict=True)], float)
        return Slate(numbers, prices, answer.get("decision_id"))

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer as JSON; None if the engine refuses this request.

        Raises:
            _GoneError: nobody answers, or the engine stays too busy.
            Unauthorised: the key is not taken.
        """
        for _ in range(_RETRIES):
            try:
                answer = await self.client.post(
                    path, content=_encode(body), headers={"Content-Type": "application/json"}
                )
            except httpx.TransportError as error:
                self._gone(error)
                raise _GoneError from error
            if answer.status_code in (429, 503):
                await asyncio.sleep(min(_seconds(answer.headers.get("Retry-After")), LONGEST_WAIT_SECONDS))
                continue
            if answer.status_code in (401, 403):
                raise Unauthorised(
                    f"The engine at {self.client.base_url} does not take this key for {path} ({answer.status_code}).",
                    hint="`tailorbird keys create` makes one; `tailorbird serve` prints those of its first start.",
                )
            if answer.is_success:
                decoded: dict[str, Any] = msgspec.json.decode(answer.content)
                return decoded
            self.tally.refused += 1
            self._complain(f"{path} answered {answer.status_code}: {answer.text[:300]}")
            return None
        raise _GoneError

    def _gone(self, error: httpx.TransportError) -> None:
        if not self.absent:
            self.absent = True
            why = f"{type(error).__name__}: {error}".rstrip(": ")
            self.say(
                f"Nothing answers at {self.client.base_url} ({why}). Waiting for it; `tailorbird serve` starts one."
            )

    async def _is_back(self) -> bool:
        try:
            self.absent = (await self.client.get("/health/live")).status_code >= 500
        except httpx.TransportError as error:
            self._gone(error)
            return False
        if not self.absent:
            self.say(f"{self.client.base_url} answers; the shoppers go on.")
        return not self.absent

    def _complain(self, *sentences: str) -> None:
        """Tell the first refusal; the tally counts the rest."""
        if sentences and not self._complained:
            self._complained = True
            self.say(f"The engine refused something: {sentences[0]}")


def _seconds(header: str | None) -> float:
    return float(header) if header and header.replace(".", "", 1).isdigit() else 1.0
