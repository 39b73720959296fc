"""What people answered about consent, by whoever they are: the newest answer stands, whichever device it was given on.

A refusal is never lost on the way: not when a visitor logs in, not when somebody else logs in on the device. One that
was told to the shop itself, and not only to a page, is remembered as such, for no page may take it back.
"""

from collections.abc import Collection, Mapping

from tailorbird.identity.joins import Identities
from tailorbird.types import NOBODY


class Consents:
    """Answers by purpose, kept under the key by which whoever gave them is known. Takes what the log says, in order."""

    def __init__(self, identities: Identities) -> None:
        """Nobody answered yet."""
        self._identities = identities
        self._said: dict[str, dict[str, bool]] = {}
        self._refused: dict[str, set[str]] = {}

    def of(self, key: str) -> Mapping[str, bool]:
        """What whoever has this key said last, by purpose."""
        return self._said.get(self._name(key, self._identities.find(key)), {}) if self._said else {}

    def refused(self, key: str) -> Collection[str]:
        """The purposes that whoever has this key refused to the shop itself, not only on a page."""
        return self._refused.get(self._name(key, self._identities.find(key)), ())

    def say(self, key: str, said: Mapping[str, bool], *, by_page: bool = False) -> None:
        """Whoever has this key answers for themselves."""
        if not said:
            return
        name = self._name(key, self._identities.find(key))
        self._said.setdefault(name, {}).update(said)
        if not by_page:
            refused = self._refused.setdefault(name, set())
            refused.difference_update(said)
            refused.update(purpose for purpose, yes in said.items() if not yes)

    def join(self, anonymous: str, known: str, at: float, evidence: str) -> int:
        """Join two keys as `Identities.join` does; the number whose past is to become the known one's, or NOBODY."""
        before = self._identities.find(anonymous)
        theirs = self._identities.join(anonymous, known, at, evidence)
        after = self._identities.find(anonymous)
        if before == after:
            return NOBODY
        if self._identities.keys[after] == anonymous:
            # A refusal stays with the device when somebody else logs in there.
            name = self._name(anonymous, before)
            refusals = {purpose: yes for purpose, yes in self._said.get(name, {}).items() if not yes}
            self.say(anonymous, refusals, by_page=True)
            self._refused.setdefault(anonymous, set()).update(self._refused.get(name, ()))
            return NOBODY
        if before not in (NOBODY, theirs):
            return NOBODY
        if said := self._said.pop(anonymous, {}):
            # Nobody loses a refusal by logging in.
            answers = self._said.setdefault(known, {})
            answers.update({purpose: yes and answers.get(purpose, True) for purpose, yes in said.items()})
            self._refused.setdefault(known, set()).update(self._refused.pop(anonymous, ()))
        return theirs

    def forget(self, keys: Collection[str]) -> None:
        """Keep nothing of what these answered."""
        for key in keys:
            self._said.pop(key, None)
            self._refused.pop(key, None)

    def _name(self, key: str, number: int) -> str:
        """The key under which whoever has this one is kept: the user's, once they are known."""
        return key if number == NOBODY else self._identities.keys[number]
