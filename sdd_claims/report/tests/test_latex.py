import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdd_claims.report.latex import _FLAT, _SPECIAL, escaped


def set_by_latex(text: str) -> str:
    """What LaTeX would print; fails on a character that it would take for a command."""
    plain = {written: character for character, written in _SPECIAL.items()}
    written = "|".join(map(re.escape, sorted(plain, key=len, reverse=True)))
    raised = {flat: chr(high) for high, flat in _FLAT.items()}
    tokens = re.compile(rf"{written}|\$\^\{{[-\d]+\}}\$|[^\\#$%&_{{}}~^]")
    found, position = [], 0
    while position < len(text):
        token = tokens.match(text, position)
        assert token is not None, f"LaTeX would misread {text[position:]!r}"
        position = token.end()
        is_power = token[0].startswith("$^")
        found.append(
            "".join(raised[ord(digit)] for digit in token[0][3:-2]) if is_power else plain.get(token[0], token[0])
        )
    return "".join(found)


@given(st.text(st.sampled_from("ab -0123⁻⁰¹²³⁴⁵⁶⁷⁸⁹#$%&_{}~^\\<>|×−–é\N{NO-BREAK SPACE}")) | st.text())
def test_latex_prints_every_text_as_it_is(text):
    assert set_by_latex(escaped(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he2022/four_phases", r"he2022/four\_phases"),
        ("6.6\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10⁻⁵", r"6.6~$\times$~10$^{-5}$"),
        (r"50 % of \beta", r"50 \% of \textbackslash{}beta"),
    ],
)
def test_examples(text, expected):
    assert escaped(text) == expected
