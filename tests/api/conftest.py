import itertools
import time

import pytest
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App

ITEMS = [
    {
        "item_id": f"{kind}-{n}",
        "title": f"{colour} {kind} {n}",
        "categories": ["shop", kind],
        "brand": colour,
        "price": 10.0 + n,
        "stock": 5,
        "margin": 3.0,
    }
    for (kind, colour), n in itertools.product([("mug", "blue"), ("lamp", "red"), ("rug", "green")], range(12))
]


@pytest.fixture
def app(tmp_path):
    with App.open(tmp_path / "shop") as opened:
        yield opened


@pytest.fixture
def client(app):
    """A client with a secret key on a shop without items."""
    with TestClient(create_api(app), raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {app.keys.create('test', 'secret')}"
        yield client


@pytest.fixture
def shop(client):
    """The same, with 36 items of three kinds."""
    answer = client.post("/v1/items", json={"items": ITEMS})
    assert answer.json() == {"accepted": 36, "duplicates": 0, "rejected": []}
    return client


@pytest.fixture
def browser(app):
    """Headers of a write key."""
    return {"Authorization": f"Bearer {app.keys.create('page', 'write')}"}


def event(kind="item_view", *, user="ann", item="mug-1", ago=0.0, **more):
    return {"type": kind, "at": time.time() - ago, "user_id": user, "item_id": item, **more}


def slate(client, *, surface="home", user="ann", **more):
    answer = client.post("/v1/recommendations", json={"surface": surface, "user_id": user, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer):
    return [item["item_id"] for item in answer["items"]]
