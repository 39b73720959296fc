"""What a user and an identity must be."""

from datetime import UTC, datetime

import msgspec
import pytest

from tailorbird.errors import BadInput, ImplausibleTime, MissingField, WrongType
from tailorbird.identity.claims import entry_of_identity
from tailorbird.ingest.users import entry_of_user, parse_identity, parse_user
from tailorbird.types import Identity, User

NOW = datetime(2024, 6, 1, tzinfo=UTC).timestamp()


def test_a_user_with_traits_and_consent() -> None:
    user = parse_user(
        {"user_id": 7, "gender": "F", "traits": {"age": 25}, "consent": {"ads": "no", "personalisation": 1}}
    )
    assert user == User(user_id="7", traits={"gender": "F", "age": 25}, consent={"ads": False, "personalisation": True})
    assert parse_user(msgspec.json.decode(entry_of_user(user, at=NOW).body)) == user


def test_an_answer_that_was_not_given_is_no_consent() -> None:
    assert parse_user({"user_id": "7", "consent": {"ads": None, "mail": ""}}).consent == {}


def test_a_known_purpose_is_known_however_it_is_written() -> None:
    said = {"Personalization": False, "personalisation": True, " ANALYTICS ": False, "Marketing": True}
    meant = {"personalisation": False, "analytics": False, "Marketing": True}
    assert parse_user({"user_id": "7", "consent": said}).consent == meant


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("personalise", "personalisation"), ("Personalized", "personalisation"), ("analytic", "analytics")],
)
def test_a_slip_of_a_purpose_is_refused(slip: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"consent has the purpose '{slip}'.*Did you mean '{meant}'"):
        parse_user({"user_id": "7", "consent": {slip: False}})


def test_purposes_of_the_shops_own_are_kept() -> None:
    own = dict.fromkeys(
        ("marketing", "preferences", "sale_of_data", "advertising", "statistics", "personal_data"), False
    )
    assert parse_user({"user_id": "7", "consent": own}).consent == own


def test_a_user_needs_an_id() -> None:
    with pytest.raises(MissingField, match="user_id"):
        parse_user({"traits": {}})


def test_traits_are_never_repeated_in_an_error() -> None:
    with pytest.raises(WrongType) as caught:
        parse_user({"user_id": "7", "traits": "lives in Oslo"})
    assert "Oslo" not in str(caught.value)


def test_an_identity_holds_from_now_unless_it_says_since_when() -> None:
    claim = {"anonymous_id": "a1", "user_id": "u1"}
    assert parse_identity(claim, now=NOW) == Identity(anonymous_id="a1", user_id="u1", at=NOW)
    assert parse_identity({**claim, "at": "2024-05-01"}, now=NOW).at < NOW
    with pytest.raises(ImplausibleTime):
        parse_identity({**claim, "at": 5}, now=NOW)


def test_an_identity_needs_both_ids_and_is_kept_by_the_anonymous_one() -> None:
    with pytest.raises(MissingField, match="anonymous_id"):
        parse_identity({"user_id": "u1"}, now=NOW)
    entry = entry_of_identity(Identity(anonymous_id="a1", user_id="u1", at=NOW))
    assert (entry.kind, entry.key) == ("identity", "a1")
