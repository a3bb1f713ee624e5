"""Text in LaTeX: nothing in it is taken for a command."""

import re

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": "$-$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{EN DASH}": "--",
    **{character: f"\\{character}" for character in "#$%&_{}"},
}
_RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
_FLAT = str.maketrans(_RAISED, "-0123456789")
_TAKEN = re.compile(f"[{_RAISED}]+|[{re.escape(''.join(_SPECIAL))}]")


def escaped(text: str) -> str:
    """A text so that LaTeX sets it as it is, exponents among it."""
    return _TAKEN.sub(lambda found: _SPECIAL.get(found[0]) or f"$^{{{found[0].translate(_FLAT)}}}$", text)
