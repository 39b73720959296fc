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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[server]\nport = 'soon'", "server.port is 'soon'; a whole number is needed. The default is 8000."),
        ("[server]\nport = 99999", "server.port is 99999; it must be at most 65535. The default is 8000."),
        ("[server]\nhost = 5", "server.host is 5; text in quotes is needed."),
        ("[server]\ncors_origins = 'x'", "server.cors_origins is 'x'; a list is needed"),
        (
            "[server]\ncors_origins = ['https://shop.example', 'http://localhost:8913/']",
            "server.cors_origins.1 is 'http://localhost:8913/'; an origin in small letters is needed, without a slash",
        ),
        ("[server]\ncors_origins = ['https://shop.example/cart']", "such as https://shop.example."),
        ("[server]\ncors_origins = ['shop.example']", "an origin in small letters is needed"),
        ("server = 5", "server is 5; a table is needed, [server] with its settings below it."),
        ("[ledger]\ncommit_ms = 0", "ledger.commit_ms is 0; it must be above 0"),
        ("[events.weights]\nview = 'much'", "events.weights.view is 'much'; a number is needed."),
        (
            "[policies.home]\nhide_bought = 'perhaps'",
            "policies.home.hide_bought is 'perhaps'; true or false is needed.",
        ),
        ("[policies.home]\npool = 2.5", "policies.home.pool is 2.5; a whole number is needed. The default is 300."),
        ("[policies.home]\npol = 2", "policies.home.pol: there is no such setting. Did you mean 'pool'?"),
        ("log_level = 'loud'", "log_level is 'loud'. Allowed: debug, error, info, warning."),
        ("shop = 'My Shop'", "shop is 'My Shop'; only a-z, 0-9 and hyphens are allowed"),
        ("[models]\nease = 3", "models.ease is 3; a table is needed"),
    ],
)
def test_a_mistake_is_a_sentence_with_the_key_the_value_and_the_remedy(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        load_config(written(tmp_path, text), {})
    assert told in caught.value.message
    assert "tailorbird.toml has 1 mistake:" in caught.value.message
    assert "Input should" not in caught.value.message


def test_origins_as_browsers_send_them_are_taken(tmp_path: Path) -> None:
    origins = ("*", "http://localhost:8913", "https://*.shop.example", "capacitor://localhost", "http://[::1]:80")
    assert load_config(written(tmp_path, f"[server]\ncors_origins = {[*origins]}"), {}).server.cors_origins == origins


def test_a_mistake_in_a_variable_is_blamed_on_the_variable(tmp_path: Path) -> None:
    environ = {"TAILORBIRD_SERVER__PORT": "many", "TAILORBIRD_POLICIES__HOM__POOL": "7", "TAILORBIRD_LOG_LEVEL": "loud"}
    with pytest.raises(InvalidConfig) as caught:
        load_config(tmp_path, environ)
    message = caught.value.message
    assert message.startswith("The environment has 3 mistakes:")
    assert "tailorbird.toml" not in message
    assert "TAILORBIRD_SERVER__PORT (server.port) is 'many'; a whole number is needed." in message
    assert "TAILORBIRD_POLICIES__HOM__POOL (policies.hom): there is no such surface. Did you mean 'home'?" in message
    assert "TAILORBIRD_LOG_LEVEL (log_level) is 'loud'." in message


def test_mistakes_of_the_file_and_of_variables_are_told_apart(tmp_path: Path) -> None:
    folder = written(tmp_path, "server = 5\n[events]\nhistory = 0\n")
    with pytest.raises(InvalidConfig) as caught:
        load_config(folder, {"TAILORBIRD_SERVER__PORT": "9000", "TAILORBIRD_BUDGET__TOTAL_MS": "no"})
    message = caught.value.message
    assert "tailorbird.toml and the environment) has 3 mistakes:" in message
    assert "\n  server is 5;" in message
    assert "\n  events.history is 0;" in message
    assert "\n  TAILORBIRD_BUDGET__TOTAL_MS (budget.total_ms) is 'no';" in message


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


def test_a_variable_whose_section_is_mistyped_is_named_beside_all_other_mistakes(tmp_path: Path) -> None:
    environ = {"TAILORBIRD_POLCIES__HOME__POOL": "7", "TAILORBIRD_SERVER__PORT": "many", "TAILORBIRD_LOGLEVEL": "info"}
    with pytest.raises(InvalidConfig) as refused:
        load_config(tmp_path, environ)
    told = refused.value.message
    assert told.startswith("The environment has 3 mistakes:")
    assert "TAILORBIRD_POLCIES__HOME__POOL: there is no such setting. Did you mean 'policies'?" in told
    assert "TAILORBIRD_LOGLEVEL: there is no such setting. Did you mean 'log_level'?" in told
    with pytest.raises(InvalidConfig, match="has 1 mistake:"):
        load_config(tmp_path, {"TAILORBIRD_SEVER__PORT": "1"})


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    others = ("TAILORBIRD_DIR", "TAILORBIRD_DEBUG", "TAILORBIRD_KEY", "TAILORBIRD_SHOP_DIR", "TAILORBIRD_IMAGE", "PATH")
    assert load_config(tmp_path, dict.fromkeys(others, "x")) == load_config(tmp_path, {})
