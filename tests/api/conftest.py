"""A shop served in this process, spoken to through HTTP."""

import time

import pytest
from litestar.testing import TestClient

from tailorbird.api.server import create_api
from tailorbird.app import App
from tailorbird.config import Config, ServerConfig

KINDS = (("mug", "blue"), ("lamp", "red"), ("rug", "green"))
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
    for kind, colour in KINDS
    for n in range(12)
]


@pytest.fixture
def config():
    return Config(server=ServerConfig(cors_origins=("https://shop.example",)))


@pytest.fixture
def app(shop_dir, config):
    with App.open(shop_dir, config=config) as opened:
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


@pytest.fixture
def event():
    """Make an event of now; a field that is None is left out."""

    def make(kind="item_view", **more):
        fields = {"type": kind, "at": time.time(), "user_id": "ann", "item_id": "mug-1", **more}
        return {name: value for name, value in fields.items() if value is not None}

    return make


@pytest.fixture
def slate(client):
    """Ask for a slate, for Ann on the home page unless told otherwise."""

    def ask(**more):
        answer = client.post("/v1/recommendations", json={"surface": "home", "user_id": "ann", **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def problem():
    """Check that an answer is a problem of this kind, and return it."""

    def check(answer, status, code):
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        return answer.json()

    return check
