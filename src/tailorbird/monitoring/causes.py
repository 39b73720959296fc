"""The cause of a fault as a log may keep it: where it happened and what it was, without what people sent.

The message of some errors is the value that they met: the key that a mapping lacks, the text that is no number. Such a
value may be somebody's name or e-mail, so those messages are left out; the lines of code say enough.
"""

import traceback
from collections.abc import Iterator
from typing import Final

import msgspec

from tailorbird.errors import TailorbirdError

_TELL_VALUES: Final = (LookupError, ValueError, msgspec.MsgspecError, AssertionError)


def cause_of(error: BaseException) -> str:
    """Every error of the chain, the first cause first, each with its lines of code.

    >>> cause_of(KeyError("ann@example.org"))
    'KeyError: (its message may hold what a caller sent)'
    """
    return "\nThen:\n".join(_one(each) for each in reversed(list(_chain(error))))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _one(error: BaseException) -> str:
    # What is ours names values on purpose, for the caller; the code tells an operator which it was.
    hidden = isinstance(error, _TELL_VALUES) or (isinstance(error, TailorbirdError) and error.status < 500)
    message = "(its message may hold what a caller sent)" if hidden else str(error)
    return f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}: {message}"
