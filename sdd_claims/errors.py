"""The errors that a user can cause, each one sentence with its remedy."""

import reprlib
import traceback
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

_LIKE = 0.6  # as in difflib.get_close_matches
_LONGEST = 100  # letters of a word that is compared: no name of ours is longer, and a file may hold any


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def nearest(word: object, known: Iterable[str]) -> str:
    """The end of a sentence on a name that is not known: which of the known ones may have been meant, if any.

    Names are compared whole and by the pieces between their underscores: "lotery" is near "lottery_ticket_rewinding".
    """

    def likeness(name: str) -> tuple[float, float]:
        whole, *pieces = (
            SequenceMatcher(None, str(word)[:_LONGEST], part).ratio() for part in (name, *name.split("_"))
        )
        return max(whole, *pieces), whole

    best = max(known, key=likeness, default="")
    return f" (did you mean {best!r}?)" if best and likeness(best)[0] >= _LIKE else ""


def shown(value: object) -> str:
    """A value that a file holds, for a sentence on it: as Python writes it, cut short."""
    return _SHORT.repr(value)


def escaped(text: str) -> str:
    """A text from the command line, with every byte that is not UTF-8 written out, as in "\\xff"."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def crash(error: BaseException) -> str:
    """An error that nobody foresaw, in one line with its place: "KeyError: 'a' (test_x.py, line 7)"."""
    words, frames = " ".join(str(error).split()), traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if words else ''}{words}{where}"


class InputError(ValueError):
    """Bad input: the message names the input, what was expected, and what to do about it."""


class MissingDataError(InputError):
    """A data set that is not on disk and cannot be had from here: the message says what to fetch."""


class BudgetError(InputError):
    """A time budget that leaves something unjudged: the message says how much is stored and how long the rest takes."""


class StoreError(RuntimeError):
    """A store that cannot be used as it is: newer schema, read-only or full disk. Nothing stored is lost."""


class DeviceLostError(StoreError):
    """A GPU that was lost while it trained. What was finished is stored."""


class DeviceMemoryError(StoreError):
    """A device whose memory cannot hold the training of even one replica. What was finished is stored."""
