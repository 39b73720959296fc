"""What the models page tells of the features: how each view's columns stand today, measured now and then."""

import asyncio
from typing import Final

from tailorbird.app import App
from tailorbird.learning.inventory import Sample, View, inventory, requests_of, sampled

_KEPT_SECONDS: Final = 600.0
_READ: Final = 500


class Features:
    """The catalogue of features, measured on the newest requests at most every ten minutes."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._views: list[View] = []
        self._n_requests = 0
        self._until = float("-inf")

    async def read(self) -> tuple[list[View], int]:
        """Every view, and on how many requests it was measured.

        Runs on the engine's thread and lets go of it after each request, so that a slate waits for one at most.
        """
        app, now = self._app, self._app.clock()
        if now < self._until:
            return self._views, self._n_requests
        self._until = now + _KEPT_SECONDS
        decisions = await asyncio.to_thread(app.ledger.recent, _READ)
        reference = await asyncio.to_thread(app.reference)
        requests, sample = requests_of(decisions, now), Sample()
        for _ in sampled(app.engine, requests, sample):
            await asyncio.sleep(0)
        self._views, self._n_requests = inventory(app.engine, sample, reference), len(requests)
        return self._views, self._n_requests
