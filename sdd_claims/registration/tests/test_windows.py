"""Windows are read from windows.json as they were printed, and what is wrong there is said in one sentence."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.he2022 import settings as he2022
from sdd_claims.curves import DENSITY
from sdd_claims.errors import InputError
from sdd_claims.registration.windows import as_json, read, windows
from sdd_claims.stats import Phases, Window

PHASES = Phases(
    light=Window(0.593, 1),
    critical=Window(0.0167, 0.0475),
    sweet=Window(0.0028, 0.00797),
    collapsed=None,
    memorizing=Window(0.0636, 0.116),
    to_sweet=Window(0.00437, 1),
    rise=Window(0.00437, 0.0475),
    whole=Window(0.000734, 1),
)
PRINTED = """\
      "noisy": {
        "light": {"low": 0.593, "high": 1},
        "critical": {"low": 0.0167, "high": 0.0475},
        "sweet": {"low": 0.0028, "high": 0.00797},
        "collapsed": null,
        "memorizing": {"low": 0.0636, "high": 0.116},
        "to_sweet": {"low": 0.00437, "high": 1},
        "rise": {"low": 0.00437, "high": 0.0475},
        "whole": {"low": 0.000734, "high": 1}
      }"""


def pasted(*entries: str) -> str:
    return '{"fast": {"about": "Pilots 0 to 11.", "settings": {' + ",\n".join(entries) + "}}}"


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("claims") / "windows.json"


def windows_along(axis: str) -> st.SearchStrategy[Window]:
    edge = st.floats(0, 1, exclude_min=True) if axis == DENSITY else st.floats(0, allow_infinity=False)
    return st.tuples(edge, edge).map(lambda edges: Window(min(edges), max(edges), axis))


@st.composite
def phases(draw) -> Phases:
    window = windows_along(draw(st.sampled_from([DENSITY, "penalty strength", "epoch"])))
    return draw(st.builds(Phases, *(window,) * 3, st.none() | window, *(window,) * 4))


@given(written=st.dictionaries(st.text(st.characters(codec="utf-8")), phases(), max_size=3))
def test_what_is_printed_is_read_as_the_same_windows(path, written):
    path.write_text(pasted(*(as_json(name, at) for name, at in written.items())), encoding="utf-8")
    assert read(path, "fast") == written


def test_a_phase_a_line_is_printed_as_it_stands_in_the_file(path):
    assert as_json("noisy", PHASES) == PRINTED
    path.write_text(pasted(PRINTED), encoding="utf-8")
    assert read(path, "fast") == {"noisy": PHASES}


def test_the_windows_of_a_paper_stand_beside_its_claims():
    assert windows("he2022", "fast") == he2022.FAST.phases


def content(**changes: Any) -> Any:
    whole: dict[str, Any] = json.loads(pasted(PRINTED))
    whole["fast"]["settings"]["noisy"] |= changes
    return whole


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([], "there is no 'fast'; add it with what --pilots prints"),
        ({"fasst": {}}, "there is no 'fast' (did you mean 'fasst'?); add it"),
        ({"fast": 3}, "fast: must hold about, settings, got 3; paste what"),
        ({"fast": {"settings": {}}}, "fast: about is missing"),
        ({"fast": {"about": "", "settings": {}}}, "fast: about must be a text, got ''; say which pilots"),
        ({"fast": {"about": "Pilots.", "settings": []}}, "fast: settings must map names to phases; paste what"),
        ({"fast": {"about": "Pilots.", "settings": {"noisy": None}}}, "fast, noisy: must hold light, critical, "),
        ({"fast": {"about": "Pilots.", "settings": {"noisy": {}}}}, "fast, noisy: light is missing; paste what"),
        (content(swet=None), "fast, noisy: there is no 'swet' (did you mean 'sweet'?); use light, critical"),
        (content(light=None), "fast, noisy, light: must hold low, high, axis, got None"),
        (content(light={"low": 0.5}), "fast, noisy, light: high is missing"),
        (content(light={"low": 0.5, "hihg": 1}), "fast, noisy, light: there is no 'hihg' (did you mean 'high'?)"),
        (content(light={"low": "0.5", "high": 1}), "fast, noisy, light: low must be a number, got '0.5'; paste what"),
        (content(light={"low": 0.5, "high": True}), "fast, noisy, light: high must be a number, got True"),
        (content(light={"low": 0.5, "high": float("nan")}), "is not JSON: it holds NaN, which JSON does not have"),
        (content(light={"low": 0.6, "high": 0.5}), "fast, noisy, light: the window 0.6 to 0.5 is no range of density"),
        (content(light={"low": 0, "high": 1, "axis": 3}), "fast, noisy, light: axis must be a name, got 3; say what"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(path, written, sentence):
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(sentence)) as refused:
        read(path, "fast")
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "is not JSON: .*mend that line"),
        (b"\xff", "is not JSON: .*mend that line"),
        (pasted(PRINTED, PRINTED).encode(), "'noisy' stands twice in one place; delete the older one"),
    ],
)
def test_what_is_no_json_or_pasted_twice_is_refused(path, text, sentence):
    path.write_bytes(text)
    with pytest.raises(InputError, match=sentence):
        read(path, "fast")


def test_a_missing_file_is_said_with_what_to_write_there(tmp_path):
    with pytest.raises(InputError, match=r"no windows at .*windows\.json .*; restore the file, or write down what"):
        read(tmp_path / "windows.json", "fast")


def test_the_levels_that_are_derived_alone_are_the_top_of_the_sweet_phase_and_the_one_before():
    setting = he2022.FAST
    curve = setting.derived_from_sweet("redense")
    (top,) = setting.phases["noisy"].sweet_top.levels(curve.position())
    assert (top, curve.levels) == (1, 2)


def test_windows_of_a_setting_that_there_is_none_of_are_refused_before_pilots_would_be_run_again():
    with pytest.raises(
        InputError, match=r"he2022\.settings, fast: .* 'nosy' \(did you mean 'noisy'\?\).*windows\.json"
    ):
        replace(he2022.FAST, phases={"nosy": PHASES})
