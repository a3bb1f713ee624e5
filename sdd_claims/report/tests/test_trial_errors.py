"""What a page says of how often its trials err."""

import re

import pytest

from sdd_claims.errors import InputError
from sdd_claims.report import claims_json
from sdd_claims.report.claims_json import CharacteristicsEntry, ErrorsEntry, MeanPowerEntry, TrialErrorsEntry
from sdd_claims.report.html import to_html


@pytest.fixture
def measured(document) -> CharacteristicsEntry:
    return CharacteristicsEntry(
        tier="fast",
        command="python -m sdd_claims.characteristics",
        measured="Simulated on a day",
        studies=10_000,
        level=0.001,
        effects=[0.0, 1.0, 2.0],
        power=[MeanPowerEntry(looks=[12], chances=[0.001, 0.3, 0.9])],
        trials=[
            TrialErrorsEntry(
                id=document["claims"][0]["id"],
                network="",
                protocol="0" * 64,
                looks=[12, 24],
                false_support=ErrorsEntry(rate=0.0021, upper=0.0032, places=3, above=True),
                false_contrary=None,
            )
        ],
    )


def test_the_page_shows_rates_and_power_and_marks_what_lies_above_its_level(document, source, measured, tmp_path):
    document["characteristics"] = [measured]
    claims_json.write(tmp_path / "claims.json", document)
    page = to_html(claims_json.read(tmp_path / "claims.json"), source)
    section = page[page.index('id="characteristics-fast"') :]
    assert "nominal is 10.0 in 10,000" in " ".join(section.split())
    assert '<td class="number above">↑ 21.0 <span class="note">≤ 32.0</span></td>' in section
    assert '<td class="number">never</td>' in section
    assert "It is 0.8 or more: at 12 seeds from 2 on." in section


def test_two_tiers_have_drawings_of_their_own_and_none_comes_twice(document, source, measured, tmp_path):
    document["characteristics"] = [measured, measured | {"tier": "full"}]
    ids = re.findall(r' id="([^"]+)"', to_html(document, source))
    assert len(ids) == len(set(ids))
    document["characteristics"] = [measured, measured]
    claims_json.write(tmp_path / "claims.json", document)
    with pytest.raises(InputError, match="characteristics has one tier twice"):
        claims_json.read(tmp_path / "claims.json")


def test_a_page_of_trials_that_nobody_measured_has_no_such_section(document, source):
    assert "How often these trials err" not in to_html(document, source)


@pytest.mark.parametrize(
    "change",
    [
        {"effects": [0.0, 1.0]},
        {"effects": [0.0, 2.0, 1.0]},
        {"effects": [0.0, 1.0, 1e300]},
        {"effects": [], "power": [{"looks": [12], "chances": []}]},
        {"power": []},
        {"power": [{"looks": [12], "chances": [0.0, 0.0, 1e308]}]},
        {"power": [{"looks": [], "chances": [0.0, 0.0, 0.0]}]},
    ],
)
def test_power_that_cannot_be_drawn_is_refused(document, measured, tmp_path, change):
    document["characteristics"] = [measured | change]
    claims_json.write(tmp_path / "claims.json", document)
    with pytest.raises(InputError, match="needs rising effects from 0 to 10, and a chance for each; run"):
        claims_json.read(tmp_path / "claims.json")
