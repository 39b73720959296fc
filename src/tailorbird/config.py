"""The one configuration tree: ``tailorbird.toml``, then ``TAILORBIRD_*`` variables; every mistake is told at once.

A variable names a field by its path: ``TAILORBIRD_SERVER__PORT=9000``. The defaults are a shop's, so that an empty file
is a good one.
"""

import hashlib
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tailorbird.errors import InvalidConfig, did_you_mean
from tailorbird.types import Channel, Event, Policy

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_WEIGHTS: Final[dict[str, float]] = {
    "item_view": 1.0, "list_click": 1.0, "promo_click": 1.0, "message_click": 1.0, "cart_add": 4.0,
    "wishlist_add": 3.0, "share": 3.0, "purchase": 8.0, "review": 2.0, "rating": 4.0, "watch": 1.0, "consume": 1.0,
    "answer": 1.0, "cart_remove": -1.0, "wishlist_remove": -1.0, "dismiss": -4.0, "refund": -4.0,
}  # fmt: skip

_Place: TypeAlias = tuple[int | str, ...]

_WHOLE: Final = "a whole number is needed"
_REAL: Final = "a number is needed"
_TABLE: Final = "a table is needed, [{key}] with its settings below it"
_LIST: Final = 'a list is needed, such as ["a", "b"]'
_NEEDED: Final[Mapping[str, str]] = {
    "int_type": _WHOLE, "int_parsing": _WHOLE, "int_from_float": _WHOLE, "float_type": _REAL, "float_parsing": _REAL,
    "finite_number": "a finite number is needed", "string_type": "text in quotes is needed",
    "bool_type": "true or false is needed", "bool_parsing": "true or false is needed",
    "tuple_type": _LIST, "list_type": _LIST, "dict_type": _TABLE, "model_type": _TABLE,
    "model_attributes_type": _TABLE, "string_pattern_mismatch": "{needed}",
    "greater_than": "it must be above {gt}", "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be below {lt}", "less_than_equal": "it must be at most {le}",
}  # fmt: skip
"""What is needed, by the kind of a mistake."""

_SHOWN_CHARACTERS: Final = 60
_PREFIX: Final = "TAILORBIRD_"
_MISTYPED: Final = 0.8
"""How like a setting's name a variable's must be to be taken for it; TAILORBIRD_SHOP_DIR is not `shop`."""
_MEND: Final = "Mend these and start again."

NAME: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""Of a shop, and of a source of its catalogue."""

_ORIGIN: Final = r"^(\*|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+)$"
_OF_PATTERN: Final[Mapping[str, str]] = {
    NAME: "only a-z, 0-9 and hyphens are allowed, 63 at most",
    _ORIGIN: "an origin in small letters is needed, without a slash or a path behind it, such as https://shop.example",
}

Surface = Literal["home", "item", "cart", "search", "email", "push", "feed", "assistant"]

DEFAULT_GRADES: Final[Mapping[str, int]] = {
    "item_view": 1, "list_click": 1, "promo_click": 1, "message_click": 1, "watch": 1, "consume": 1, "answer": 1,
    "page_leave": 1, "rating": 2, "wishlist_add": 2, "share": 2, "review": 2, "cart_add": 2, "purchase": 3,
}  # fmt: skip
"""How much each kind of interest is worth to the ranker; a grade g gains 2**g - 1. One that weighs nothing, such as
``page_leave``, only says more of an item that was touched."""

MOST_GRADE: Final = 5

NOT_RANKED: Final = (
    "item_rates", "pair_history", "price_sensitivity", "repurchase", "rhythm", "shop_rhythm", "spending", "visit",
)  # fmt: skip
"""Feature views that told the ranker nothing new where they were measured (LAB.md)."""

PROFILED: Final = ("repurchase", "spending")
"""Of these, what profiles tell of everybody; the others cost more than they tell, until a shop asks for them."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerConfig(_Section):
    """Where the engine listens and whom it lets in."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 is every address of the machine")
    port: int = Field(8000, ge=1, le=65_535, description="port to listen on")
    cors_origins: tuple[Annotated[str, Field(pattern=_ORIGIN)], ...] = Field(
        (), description="origins whose pages may call with a write key, such as https://shop.example"
    )
    max_body_mb: float = Field(8.0, gt=0, description="larger bodies are refused with 413")
    max_batch: int = Field(5_000, ge=1, description="events or items in one call")
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1",), description="addresses or networks of proxies whose X-Forwarded-For names the caller"
    )


class LimitsConfig(_Section):
    """How much one caller may ask, and how much the shop may hold; over it is 429. 0 is no limit.

    A caller who rested may ask for ``burst_seconds`` at once. A write key is public: it is limited as a whole, and so
    is each address that calls with it (of IPv6, each network of 64 bits).
    """

    requests_per_second: float = Field(0.0, ge=0, description="with one key that is not public")
    events_per_second: float = Field(0.0, ge=0, description="with one key that is not public")
    write_key_requests_per_second: float = Field(1_000.0, ge=0, description="with one write key, from anywhere")
    write_key_events_per_second: float = Field(5_000.0, ge=0, description="with one write key, from anywhere")
    address_requests_per_second: float = Field(50.0, ge=0, description="with write keys, from one address")
    address_events_per_second: float = Field(200.0, ge=0, description="with write keys, from one address")
    burst_seconds: float = Field(10.0, gt=0, description="so many seconds' worth may come at once")
    events_a_day: int = Field(
        0, ge=0, description="events in a day (UTC), those of imported files counted; an import is never refused"
    )
    items: int = Field(
        0, ge=0, description="items described at most, withdrawn ones counted; an import is never refused"
    )


class EventsConfig(_Section):
    """How much an event says, and for how long a session lasts."""

    weights: dict[str, float] = Field(default_factory=dict, description="per event type; adds to the defaults")
    low_rating: float = Field(2.0, description="a rating at or under it is an explicit no")
    session_gap_minutes: float = Field(30.0, gt=0, description="a longer pause starts a new session")
    history: int = Field(200, ge=1, le=5_000, description="interactions kept per person for the next slate")

    def weight(self, event: Event) -> float:
        """What one event says about its items: above 0 interest, below 0 an explicit no, 0 neither."""
        base = self.weights.get(event.type, DEFAULT_WEIGHTS.get(event.type, 0.0))
        if event.type == "rating" and event.rating is not None and event.rating <= self.low_rating:
            return -abs(base)
        return base


class IdentityConfig(_Section):
    """Whose a device is."""

    shared_days: float = Field(
        30.0,
        ge=0,
        description="two users seen on one device within so many days: while nobody is logged in there, it is "
        "neither's; 0: it is always the last one's",
    )


class CatalogueConfig(_Section):
    """The shop's money, and the systems that its catalogue comes from."""

    currency: str = Field("EUR", description="of prices whose item names none; the console shows it")
    rates: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="what one of another currency is in the shop's; a price without a rate is shown, never compared",
    )
    sources: tuple[Annotated[str, Field(pattern=NAME)], ...] = Field(
        (), description="systems that items come from, such as erp, pim, feed; the first that knows a field stands"
    )
    precedence: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="by field, the sources that are asked before the others"
    )
    match: dict[str, str] = Field(
        default_factory=dict, description="by source, the attribute that its items share with ours, such as gtin"
    )
    unmatched: dict[str, Literal["new", "reject"]] = Field(
        default_factory=dict, description="by source, what an item becomes that none of ours matches; new is usual"
    )
    taxonomy: dict[str, str] = Field(
        default_factory=dict, description="by source, a CSV file of its category paths and ours (theirs, ours)"
    )

    def rate(self, currency: str | None) -> float:
        """What one of a currency is in the shop's; not a number where that is not known.

        >>> CatalogueConfig(rates={"USD": 0.92}).rate("usd"), CatalogueConfig().rate(None)
        (0.92, 1.0)
        """
        code = (currency or self.currency).upper()
        if code == self.currency.upper():
            return 1.0
        return next((rate for name, rate in self.rates.items() if name.upper() == code), math.nan)


class FeaturesConfig(_Section):
    """Which feature views the ranker does without, and which of those are folded all the same, for profiles."""

    leave_out: tuple[str, ...] = Field(
        NOT_RANKED, description="views the ranker does without; what is written here takes the place of these"
    )
    keep: tuple[str, ...] = Field(
        PROFILED, description="of the views left out, those that are kept for profiles; the others cost nothing"
    )


class LogConfig(_Section):
    """How long the log's tail stays in SQL before it becomes a closed segment, and how long anything is kept."""

    hot_days: float = Field(2.0, ge=0, description="whole days that stay in SQL before they are closed")
    segment_rows: int = Field(200_000, ge=1_000, description="records in one segment at most")
    keep_days: float = Field(
        0.0, ge=0, description="what happened longer ago leaves the log, once a day; 0: it stays for ever"
    )


class LedgerConfig(_Section):
    """How decisions are committed, and how long they are kept."""

    commit_ms: float = Field(50.0, gt=0, le=50.0, description="a crash may cost this much of decisions, never an event")
    keep_days: float = Field(0.0, ge=0, description="decisions made longer ago leave the ledger; 0: they stay for ever")


class BudgetConfig(_Section):
    """Milliseconds after which a stage is skipped and the decision says so."""

    total_ms: float = Field(50.0, gt=0, description="for a whole slate")


class PolicyConfig(_Section):
    """The recipe of one surface; see the noun Policy."""

    channels: dict[str, int] = Field(
        default_factory=dict, description="retriever -> how many candidates it may propose; empty: those trained"
    )
    pool: int = Field(300, ge=1, le=5_000, description="candidates that the ranker sees at most")
    ranker: str | None = Field("ranker", description="empty: the order of the fused channels stands")
    hide_bought: bool = Field(default=False, description="do not show what this person bought lately")
    bought_days: float = Field(30.0, ge=0, description="how long ago is lately, for hide_bought")
    diversity: float = Field(0.1, ge=0, le=1, description="0: by score alone")
    diversity_pool: int = Field(100, ge=1, description="best candidates among which diversity and exploration choose")
    fatigue_minutes: float = Field(30.0, ge=0, description="what was passed over so lately goes last; 0: it may stay")
    exploration: float = Field(0.1, ge=0, le=1, description="share of positions that try something else")

    def policy(self, surface: str, channels: Mapping[str, int]) -> Policy:
        """This recipe as a Policy with the channels given where it names none, and a version made of its content."""
        chosen = self.channels or dict(channels)
        fields = {
            "surface": surface,
            "channels": tuple(Channel(name, limit) for name, limit in sorted(chosen.items())),
            **{name: getattr(self, name) for name in type(self).model_fields if name != "channels"},
        }
        return Policy(**fields, version=content_version(fields))


class TrainingConfig(_Section):
    """Which models are trained, and on what."""

    models: tuple[str, ...] = Field((), description="empty: what the readiness check recommends")
    since_days: float = Field(365.0, gt=0, description="older events are left out")
    ranker_days: float = Field(21.0, gt=0, description="the last period, whose clicks and orders label the ranker")
    ranker_lists: int = Field(6_000, ge=10, description="lists that the ranker is trained on at most, about")
    grades: dict[str, Annotated[int, Field(ge=0, le=MOST_GRADE)]] = Field(
        default_factory=dict, description="what the ranker gains per event type, from 0 to 5; adds to the defaults"
    )
    long_dwell_seconds: float = Field(60.0, gt=0, description="a look that lasts as long is worth one grade more")
    deep_scroll: float = Field(0.75, gt=0, description="so is one that reaches this share of a page")
    long_watch_seconds: float = Field(60.0, gt=0, description="and something watched for as long")
    seed: int = Field(1, description="of every draw that training makes")

    def grade(self, event: Event) -> int:
        """What the items of an event were worth to whoever did it; 0 says nothing."""
        grade = self.grades.get(event.type, DEFAULT_GRADES.get(event.type, 0))
        lasting = (
            (event.dwell_seconds or 0.0) >= self.long_dwell_seconds
            or (event.scroll_depth or 0.0) >= self.deep_scroll
            or (event.watch_seconds or 0.0) >= self.long_watch_seconds
        )
        return min(grade + lasting, MOST_GRADE) if grade else 0


class ChecksConfig(_Section):
    """What `tailorbird check` takes for a fault, and how often a server looks by itself."""

    every_hours: float = Field(
        6.0, ge=0, description="a server checks the data soon after its start, then so often; 0: never"
    )
    late_days: float = Field(2.0, gt=0, description="an event that arrives later than this after it happened is late")
    moments_a_day: int = Field(500, ge=10, description="whoever does something more often in a day is taken for a bot")


class TextConfig(_Section):
    """What makes vectors of the items' texts, at every training."""

    encoder: str = Field(
        "",
        description="empty: words alone; local: what `tailorbird models encoder` wrote; else the URL of an "
        "OpenAI-compatible API, such as http://localhost:11434/v1",
    )
    model: str = Field("all-MiniLM-L6-v2", description="of that API")
    key: str = Field("", description="of that API; TAILORBIRD_TEXT__KEY keeps it out of the file")


class Config(_Section):
    """All of it."""

    shop: str = Field("shop", pattern=NAME, description="name of the shop; the console shows it")
    server: ServerConfig = ServerConfig()
    limits: LimitsConfig = LimitsConfig()
    events: EventsConfig = EventsConfig()
    identity: IdentityConfig = IdentityConfig()
    catalogue: CatalogueConfig = CatalogueConfig()
    features: FeaturesConfig = FeaturesConfig()
    log: LogConfig = LogConfig()
    ledger: LedgerConfig = LedgerConfig()
    budget: BudgetConfig = BudgetConfig()
    training: TrainingConfig = TrainingConfig()
    text: TextConfig = TextConfig()
    checks: ChecksConfig = ChecksConfig()
    models: dict[str, dict[str, Any]] = Field(default_factory=dict, description="settings of each model, by its name")
    policies: dict[Surface, PolicyConfig] = Field(default_factory=dict, description="by surface")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least that `serve` logs")


def content_version(content: Any) -> str:
    """Eight hexadecimal digits that change when ``content`` does."""
    return hashlib.blake2b(msgspec.json.encode(content, order="sorted"), digest_size=4).hexdigest()


def load_config(shop_dir: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of a shop directory; the defaults where it has no ``tailorbird.toml``.

    Raises:
        InvalidConfig: names every mistake with its place, the value found and what is allowed.
    """
    path = shop_dir / "tailorbird.toml"
    tree = _read(path)
    variables = _overlay(tree, environ)
    strays = list(_strays(environ))
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise InvalidConfig(_all_mistakes(path, error, variables, strays), hint=_MEND) from error
    if strays:
        raise InvalidConfig(_all_mistakes(path, None, variables, strays), hint=_MEND)
    return config


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not valid TOML: {error}."
        raise InvalidConfig(message, hint="`tailorbird init` writes a commented one to start from.") from error
    except OSError as error:
        raise InvalidConfig(f"{path} cannot be read: {error.strerror}.", hint="Let this user read it.") from error


def _overlay(tree: dict[str, Any], environ: Mapping[str, str]) -> dict[_Place, str]:
    """Write TAILORBIRD_A__B=value into tree[a][b]; which variable is at which place.

    Variables that are no fields are left alone; `_strays` finds those that were meant to be.
    """
    variables: dict[_Place, str] = {}
    for name, value in environ.items():
        path = name.removeprefix(_PREFIX).lower().split("__")
        if not name.startswith(_PREFIX) or path[0] not in Config.model_fields:
            continue
        here: Any = tree
        for part in path[:-1]:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here
        if isinstance(here, dict):  # else what stands there is a mistake of its own, and is told as one
            here[path[-1]] = value
            variables[tuple(path)] = name
    return variables


def _strays(environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each variable that names no setting and is no other program's, as TAILORBIRD_DIR is."""
    for name in sorted(environ):
        root, *below = name.removeprefix(_PREFIX).lower().split("__")
        if not name.startswith(_PREFIX) or root in Config.model_fields:
            continue
        if below or get_close_matches(root, Config.model_fields, n=1, cutoff=_MISTYPED):
            yield f"  {name}: there is no such setting. {did_you_mean(root, Config.model_fields)}"


def _all_mistakes(
    path: Path, error: ValidationError | None, variables: Mapping[_Place, str], strays: Sequence[str]
) -> str:
    lines, blamed = list(strays), list(strays)
    for mistake in [] if error is None else error.errors():
        place = tuple(part for part in mistake["loc"] if part != "[key]")
        variable = next((name for at, name in variables.items() if place == at[: len(place)]), None)
        key = ".".join(str(part) for part in place)
        lines.append(f"  {f'{variable} ({key})' if variable else key}{_what_is_wrong(mistake, place)}")
        blamed.append(variable or "")
    where = str(path)
    if any(blamed):
        where = "The environment" if all(blamed) else f"The configuration ({path} and the environment)"
    return f"{where} has {len(lines)} mistake{'s' if len(lines) > 1 else ''}:\n" + "\n".join(lines) + "\n"


def _what_is_wrong(mistake: "ErrorDetails", place: _Place) -> str:
    """The rest of a sentence that begins with the key: what was found there, what is needed, what is usual."""
    kind, found, rule = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind == "extra_forbidden":
        return f": there is no such setting. {did_you_mean(str(place[-1]), _fields_at(place[:-1]))}"
    if mistake["loc"][-1] == "[key]":
        return f": there is no such surface. {did_you_mean(str(found), get_args(Surface))}"
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", rule["expected"])
        return f" is {_short(found)}. {did_you_mean(str(found), allowed)}"
    return f"{what_is_needed(mistake)}{_usual(place)}"


def what_is_needed(mistake: "ErrorDetails") -> str:
    """The rest of a sentence that begins with the key: the value found, and what would be right.

    >>> what_is_needed({"type": "greater_than", "loc": ("port",), "msg": "", "input": 0, "ctx": {"gt": 1}})
    ' is 0; it must be above 1.'
    """
    rule = {"key": mistake["loc"][-1], **mistake.get("ctx", {})}
    rule["needed"] = _OF_PATTERN.get(rule.get("pattern", ""), "")
    return f" is {_short(mistake['input'])}; {_NEEDED.get(mistake['type'], mistake['msg']).format(**rule)}."


def _usual(place: _Place) -> str:
    """The default of a setting, to write instead."""
    section: Any = _section_at(place[:-1])
    field = getattr(section, "model_fields", {}).get(place[-1])
    default = None if field is None else field.default
    usual = isinstance(default, str | int | float) and default not in ("", None)
    return f" The default is {msgspec.json.encode(default).decode()}." if usual else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _fields_at(place: _Place) -> list[str]:
    """The names allowed inside the section at ``place``."""
    return list(_section_at(place).model_fields)


def _section_at(place: _Place) -> Any:
    """The section at ``place``, or the type of what is no section."""
    section: Any = Config
    for part in place:
        fields = getattr(section, "model_fields", {})
        annotation = fields[part].annotation if part in fields else PolicyConfig
        section = PolicyConfig if annotation == dict[Surface, PolicyConfig] else annotation
    return section
