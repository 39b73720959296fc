"""Configuration: every mistake at once, each with what is allowed."""

from pathlib import Path

import pytest

from tailorbird.app import App
from tailorbird.config import Config, EventsConfig, load_config
from tailorbird.errors import InvalidConfig
from tailorbird.types import Event


def written(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tailorbird.toml").write_text(text, encoding="utf-8")
    return folder


def test_an_absent_file_is_the_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}) == Config()


def test_three_mistakes_are_told_at_once_with_value_and_remedy(tmp_path: Path) -> None:
    lines = ("[server]", "port = 99999", "prot = 1", "[policies.hom]", "pool = 3", "[ledger]", 'commit_ms = "soon"')
    folder = written(tmp_path, "\n".join(lines))
    with pytest.raises(InvalidConfig) as caught:
        load_config(folder, {})
    message = caught.value.message
    assert "has 4 mistakes" in message
    assert "99999" in message
    assert "Did you mean 'port'?" in message
    assert "Did you mean 'home'?" in message
    assert "'soon'" in message


def test_a_variable_wins_over_the_file_and_others_are_left_alone(tmp_path: Path) -> None:
    folder = written(tmp_path, "[server]\nport = 9000\n")
    environ = {"TAILORBIRD_SERVER__PORT": "9001", "TAILORBIRD_DIR": "elsewhere", "TAILORBIRD_POLICIES__HOME__POOL": "7"}
    config = load_config(folder, environ)
    assert config.server.port == 9001
    assert config.policies["home"].pool == 7


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="line 2"):
        load_config(written(tmp_path, "shop = 'a'\nport = = 3\n"), {})


def test_a_policy_has_another_version_when_its_content_changes() -> None:
    recipe = Config().policies.get("home")
    assert recipe is None
    from tailorbird.config import PolicyConfig  # noqa: PLC0415  # beside its only use

    one, same, other = PolicyConfig(), PolicyConfig(), PolicyConfig(pool=200)
    channels = {"popular": 100}
    assert one.policy("home", channels).version == same.policy("home", channels).version
    assert one.policy("home", channels).version != other.policy("home", channels).version


@pytest.mark.parametrize(
    ("event", "weight"),
    [
        (Event(type="purchase", at=0), 8.0),
        (Event(type="dismiss", at=0), -4.0),
        (Event(type="rating", at=0, rating=1), -4.0),
        (Event(type="rating", at=0, rating=5), 4.0),
        (Event(type="list_view", at=0), 0.0),
        (Event(type="something of our own", at=0), 0.0),
    ],
)
def test_default_weights(event: Event, weight: float) -> None:
    assert EventsConfig().weight(event) == weight


def test_a_shop_can_give_its_own_types_a_weight() -> None:
    events = EventsConfig(weights={"brochure": 2.0})
    assert events.weight(Event(type="brochure", at=0)) == 2.0
    assert events.weight(Event(type="purchase", at=0)) == 8.0


def test_models_that_do_not_exist_are_refused_when_a_shop_is_opened(tmp_path: Path) -> None:
    text = '[policies.home]\nranker = "rankr"\n[policies.home.channels]\npopularr = 50\n[models.eas]\nx = 1\n'
    with pytest.raises(InvalidConfig) as caught:
        App.open(written(tmp_path, text))
    for wrong, right in (("rankr", "ranker"), ("popularr", "popular"), ("eas", "ease")):
        assert wrong in caught.value.message
        assert f"Did you mean '{right}'?" in caught.value.message
