"""The errors that a user can cause, each one sentence with its remedy."""

import re
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


_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
_MOVING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_ENDS = 600, 300  # of a sentence that a hostile name has made long


def escaped(text: str) -> str:
    """A text from the command line, with every byte that is not UTF-8 written out, as in "\\xff"."""
    return _UNWRITABLE.sub(_written_out, text)


def plain(text: str) -> str:
    """A text in one line, with all written out that would move a terminal or that XML cannot hold, as in "\\x1b"."""
    if text.isprintable():  # so are nearly all texts, and nothing below would change one
        return text
    return _MOVING.sub(_written_out, escaped(" ".join(text.splitlines())))


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    code = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code  # a byte, as Python keeps it
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class _PlainError(Exception):
    """An error whose words are safe to print: one line, what would move a terminal written out, cut in the middle."""

    def __init__(self, *words: object) -> None:
        super().__init__(*(self._plain(each) if isinstance(each, str) else each for each in words))

    @staticmethod
    def _plain(words: str) -> str:
        first, last = _ENDS
        return plain(words if len(words) <= first + last else f"{words[:first]} ... {words[-last:]}")


def crash(error: BaseException) -> str:
    """An error that nobody foresaw, in one line with its place: "KeyError: 'a' (test_x.py, line 7)"."""
    words, frames = " ".join(str(error).split()), traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if words else ''}{words}{where}"


class InputError(_PlainError, ValueError):
    """Bad input: the message names the input, what was expected, and what to do about it."""


class MissingDataError(InputError):
    """A data set that is not on disk and cannot be had from here: the message says what to fetch."""


class BudgetError(InputError):
    """A time budget that leaves something unjudged: the message says how much is stored and how long the rest takes."""


class StoreError(_PlainError, RuntimeError):
    """A store that cannot be used as it is: newer schema, read-only or full disk. Nothing stored is lost."""


class DeviceLostError(StoreError):
    """A GPU that was lost while it trained. What was finished is stored."""


class DeviceMemoryError(StoreError):
    """A device whose memory cannot hold the training of even one replica. What was finished is stored."""
