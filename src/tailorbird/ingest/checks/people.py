"""Who did it: sessions and what they tell, anonymous ids and users, and whoever acts faster than people do.

Sessions, and what somebody does in a day, are counted in the log's order: exact where each person's events came in the
order of their times, near enough where a few came late. One small record is kept for each person and each device.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Final

from tailorbird.config import Config
from tailorbird.ingest.checks.findings import Example, Finding, Rows, counted, note, warning
from tailorbird.types import DAY_SECONDS, Event

ABOUT_ITEMS: Final = 0.8
"""Share of the sessions that should tell of an item."""

LEAST_SESSIONS: Final = 20
LEAST_DEVICES: Final = 20
LEAST_JOINED: Final = 0.05
USERS_OF_A_DEVICE: Final = 5
"""From so many users on, a device is a shop's counter or a library's, and nobody's own."""

DEVICES_OF_A_USER: Final = 100
"""From so many devices on, a user is a test, a call centre, or a program that forgets its cookies."""

_MOST_KEPT: Final = 1_000
"""Users remembered of one device; more say no more."""


class _Person:
    """What is remembered of somebody: the session that goes on, the day that goes on, and how much in all."""

    __slots__ = ("about", "at", "day", "events", "liked_at", "moments", "seq")

    def __init__(self, at: float, seq: int, *, about: bool) -> None:
        self.at, self.seq, self.about = at, seq, about
        self.liked_at: float | None = None
        self.day, self.moments, self.events = at // DAY_SECONDS, 1, 1


class People:
    """Everybody in the log."""

    def __init__(self, config: Config) -> None:
        self.sessions = 0
        self.sessions_about_items = 0
        self.liked_sessions = 0
        self._known: dict[str, _Person] = {}
        self._gap = config.events.session_gap_minutes * 60
        self._most_moments = config.checks.moments_a_day
        self._without_item = Rows()
        self._busiest: dict[str, tuple[int, int]] = {}
        self._users: dict[str, str | set[str]] = {}
        self._devices: Counter[str] = Counter()
        self._shared: dict[str, int] = {}
        self._of_many: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def anonymous(self) -> int:
        """People of whom only an anonymous id is known."""
        return sum(key.startswith("a:") for key in self._known)

    @property
    def share_joined(self) -> float | None:
        """Of all anonymous ids, those that are known to be a user's; None where there is none."""
        alone = sum(key.startswith("a:") and key[2:] not in self._users for key in self._known)
        devices = len(self._users) + alone
        return len(self._users) / devices if devices else None

    def take(self, event: Event, seq: int, *, about: bool, liked: bool) -> None:
        """One event; ``about`` says that it names an item, ``liked`` that it shows interest in it."""
        at, key = event.at, event.person
        who = self._known.get(key)
        if who is None:
            who = self._known[key] = _Person(at, seq, about=about)
            self.sessions += 1
            self.sessions_about_items += about
        else:
            who.events += 1
            self._go_on(key, who, at, seq, about=about)
        if liked:
            before = who.liked_at
            self.liked_sessions += before is None or abs(at - before) >= self._gap
            who.liked_at = at
        if event.anonymous_id is not None and event.user_id is not None:
            self.join(event.anonymous_id, event.user_id, seq)

    def _go_on(self, key: str, who: _Person, at: float, seq: int, *, about: bool) -> None:
        last = who.at
        if at == last:  # a line of the same order
            if about and not who.about:
                who.about = True
                self.sessions_about_items += 1
            return
        if at - last > self._gap:
            if not who.about:
                self._without_item.add(who.seq)
            self.sessions += 1
            who.seq, who.about = seq, about
            self.sessions_about_items += about
        elif about and not who.about:
            who.about = True
            self.sessions_about_items += 1
        if at > last:
            who.at = at
        day = at // DAY_SECONDS
        if day != who.day:
            who.day, who.moments = day, 1
            return
        who.moments += 1
        if who.moments > self._most_moments and who.moments > self._busiest.get(key, (0, 0))[0]:
            self._busiest[key] = who.moments, seq

    def join(self, device: str, user: str, seq: int) -> None:
        """Record ``seq`` says that this anonymous id is that user."""
        before = self._users.get(device)
        if before == user:
            return
        if before is None:
            self._users[device] = user
        else:
            users = before if isinstance(before, set) else {before}
            if user in users or len(users) >= _MOST_KEPT:
                return
            users.add(user)
            self._users[device] = users
            if len(users) == USERS_OF_A_DEVICE:
                self._shared[device] = seq
        self._devices[user] += 1
        if self._devices[user] == DEVICES_OF_A_USER:
            self._of_many[user] = seq

    def findings(self, n_events: int) -> Iterator[Finding]:
        """What to know of them."""
        yield from self._session_findings()
        yield from self._joining_findings()
        yield from self._suspicious(n_events)

    def _session_findings(self) -> Iterator[Finding]:
        share = self.sessions_about_items / self.sessions if self.sessions else 1.0
        if share >= ABOUT_ITEMS or self.sessions < LEAST_SESSIONS:
            return
        going_on = (Example(who.seq) for who in self._known.values() if not who.about)
        yield warning(
            "few_sessions_about_items",
            f"{share:.0%} of {self.sessions:,} sessions have an event about an item; {ABOUT_ITEMS:.0%} are wanted.",
            cost="The other sessions teach covisitation, v-sknn and sasrec nothing, and who is in one gets the slate "
            "of a stranger: popular items.",
            hint="Send item_view with item_id from every product page, and items with list_view and cart_view. Each "
            "example begins a session without.",
            rows=chain(self._without_item.first, going_on),
        )

    def _joining_findings(self) -> Iterator[Finding]:
        share, known = self.share_joined, len(self._known) - self.anonymous
        devices = len(self._users) + sum(key[2:] not in self._users for key in self._known if key.startswith("a:"))
        if share is None or share >= LEAST_JOINED or devices < LEAST_DEVICES or not known:
            return
        rows = (Example(who.seq) for key, who in self._known.items() if key.startswith("a:"))
        yield warning(
            "few_joined",
            f"{share:.1%} of {devices:,} anonymous ids are joined to a user, though {known:,} users are known.",
            cost="What somebody looked at before signing in is lost to their slates afterwards; one person is counted "
            "as several, so item neighbours come from shorter histories and an experiment may show one person two "
            "variants.",
            hint="Send POST /v1/identify at sign-in, or both ids on the events that follow it.",
            rows=rows,
        )

    def _suspicious(self, n_events: int) -> Iterator[Finding]:
        if self._shared:
            yield warning(
                "shared_devices",
                f"{counted(len(self._shared), 'anonymous id is', 'anonymous ids are')} joined to"
                f" {USERS_OF_A_DEVICE} users or more.",
                cost="While nobody is logged in there, what is done counts for none of them: slates follow a "
                "history of many, and item-knn and covisitation learn pairs that nobody chose together.",
                hint="Give out a new anonymous_id at sign-out, and none to a till, a kiosk or a test machine. What was "
                "joined wrongly: `tailorbird identity separate`.",
                rows=[Example(seq) for seq in self._shared.values()],
            )
        if self._of_many:
            yield warning(
                "users_of_many_devices",
                f"{counted(len(self._of_many), 'user has', 'users have')} {DEVICES_OF_A_USER} anonymous ids or more.",
                cost="A test account, a call centre or a program: its history tells no taste, and yet counts in "
                "popular, trending and item neighbours.",
                hint="Leave its events out (`--skip` at import, or no tracker for it).",
                rows=[Example(seq) for seq in self._of_many.values()],
            )
        if self._busiest:
            theirs = sum(self._known[key].events for key in self._busiest)
            told = sorted(self._busiest.values(), reverse=True)
            share = theirs / n_events
            judged = warning if share > 0.01 else note
            yield judged(
                "too_busy_for_people",
                f"{counted(len(self._busiest), 'person does', 'people do')} something more than"
                f" {self._most_moments:,} times a day (at most {told[0][0]:,}); theirs are {share:.1%} of all events.",
                cost="Bots look at everything: popular and trending follow them, and covisitation and item-knn pair "
                "items that no shopper puts together. Click rates of experiments fall by what they are shown.",
                hint="Keep the tracker away from them (by user agent, at the shop). If they are people, such as staff "
                "at a till, raise moments_a_day under [checks].",
                rows=[Example(seq, note=f"{n:,} moments that day") for n, seq in told],
            )
