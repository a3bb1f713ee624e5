"""The figure of power against effect."""

import re

import matplotlib as mpl

from sdd_claims.report.power_curve import power_curve

EFFECTS = (0.0, 1.0, 2.0)
POWER = {(12,): (0.0, 0.5, 0.7), (12, 24): (0.0, 0.8, 1.0)}


def test_it_names_the_schemes_of_looks_and_says_from_where_on_they_have_power():
    drawing = power_curve(EFFECTS, POWER, [0.5])
    assert "looks at 12, 24 seeds" in drawing
    assert "It is 0.8 or more: at 12 seeds never; at 12, 24 seeds from 1 on." in drawing
    assert "var(--ink)" in drawing


def test_claims_beyond_the_last_effect_are_left_out():
    def marks(*measured: float) -> int:
        return len(re.findall("<use ", power_curve(EFFECTS, POWER, measured)))

    assert marks(0.5, 1.5) == marks() + 2
    assert marks(0.5, 2.5) == marks() + 1


def test_the_same_input_gives_the_same_bytes():
    assert power_curve(EFFECTS, POWER, [0.5]) == power_curve(EFFECTS, POWER, [0.5])


def test_a_users_own_settings_of_matplotlib_change_nothing():
    with mpl.rc_context({"lines.linewidth": 7.0, "axes.grid": True, "svg.fonttype": "path"}):
        drawing = power_curve(EFFECTS, POWER, [0.5])
    assert drawing == power_curve(EFFECTS, POWER, [0.5])
