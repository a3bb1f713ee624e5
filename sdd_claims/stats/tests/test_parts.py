from dataclasses import replace

import numpy as np
import pytest

from sdd_claims.errors import InputError
from sdd_claims.stats import AllOf, Contrast, DipThenRise, Greater, Location, SamePlace, Term, Window, ordered
from sdd_claims.stats.population import BRACKET, CRITICAL, DENSITY, LEVELS, LIGHT, SWEET, phases
from sdd_claims.stats.tests.studies import THRESHOLD, dip, study

RISE = Contrast((Term(1.0, "noisy", SWEET), Term(-1.0, "noisy", CRITICAL)))
DIP_AT, PEAK_AT = Location(BRACKET, "dip"), Location(BRACKET, "peak")


def test_a_claim_of_parts_is_as_strong_as_its_weakest_and_refuted_by_one():
    curves = study(noisy=phases(0.8, 0.7, 0.76, 0.6))
    holds, fails = Greater(RISE, 0.01), Greater(Contrast((Term(1.0, "noisy", CRITICAL), Term(-1.0, "noisy", LIGHT))))
    rule = AllOf({"rise": holds, "no fall": fails})
    found = rule.evaluate(curves, THRESHOLD)
    assert found.p == found.parts["no fall"].p > 0.9
    assert found.effect == found.parts["no fall"].effect
    assert found.p_contrary == 2 * found.parts["no fall"].p_contrary < THRESHOLD
    assert set(rule.windows()) == {"0.0029 to 0.0075", "0.017 to 0.045", "0.25 to 1"}


def test_of_parts_with_one_p_the_effect_shown_is_that_of_the_part_that_decides():
    """Of an established contrary the part furthest on its side, else the weakest; the p of both failing parts is 1."""
    falls = {"a little": 0.4, "most": 0.0, "more": 0.2}
    curves = study(noisy=phases(0.8, 0.8, 0.8, 0.8), **{name: np.full(LEVELS, level) for name, level in falls.items()})
    parts = {n: Greater(Contrast((Term(1.0, n, SWEET), Term(-1.0, "noisy", SWEET))), 0.03) for n in falls}
    found = AllOf(parts).evaluate(curves, 0.001)
    assert {part.p for part in found.parts.values()} == {1.0}
    assert found.p_contrary < 0.001
    assert found.effect is found.parts["most"].effect
    assert "The weakest, most: " in found.words
    unestablished = AllOf(parts).evaluate(curves, found.p_contrary / 2)
    assert unestablished.effect is unestablished.parts["most"].effect


def test_windows_that_parts_do_not_share_are_named_after_their_part():
    elsewhere = DipThenRise("other", Window(0.5, 1.0), Window(0.1, 0.2), Window(0.01, 0.02))
    rule = AllOf({"one": DipThenRise("noisy", LIGHT, CRITICAL, SWEET), "other": elsewhere})
    assert rule.windows()["one: critical"] == CRITICAL
    assert rule.windows()["other: critical"] == Window(0.1, 0.2)
    assert "critical" not in rule.windows()


def test_every_part_is_checked_before_any_seed_is_trained():
    rule = AllOf({"one": Greater(RISE), "other": Greater(Contrast((Term(1.0, "noisy", Window(1e-6, 1e-5)),)))})
    with pytest.raises(InputError, match="the window at density 1e-06 to 1e-05 lies off the curve"):
        rule.check({"noisy": DENSITY})


def test_a_claim_of_parts_joins_the_reasons_to_stay_open():
    curves = study(noisy=dip(), distance=np.arange(LEVELS) * 0.1)
    rule = AllOf({"place": SamePlace("noisy", DIP_AT, "distance", PEAK_AT), "rise": Greater(RISE)})
    reason = rule.evaluate(curves, THRESHOLD).open_reason
    assert reason is not None
    assert reason.startswith("place: seeds 1000, 1001")


@pytest.mark.parametrize(
    ("highest", "supported", "refuted"), [(0.74, True, False), (0.70, False, False), (0.62, False, True)]
)
def test_an_order_is_one_rise_after_the_other(highest, supported, refuted):
    """The first rise is beyond doubt; the order stands and falls with the second."""
    terms = {name: Term(1.0, name, SWEET) for name in ("finetuning", "rewinding", "scratch")}
    curves = study(finetuning=np.full(LEVELS, 0.60), rewinding=np.full(LEVELS, 0.69), scratch=np.full(LEVELS, highest))
    rule = ordered(terms, margin=0.01)
    found = rule.evaluate(curves, THRESHOLD)
    assert list(found.parts) == ["rewinding above finetuning", "scratch above rewinding"]
    assert found.parts["rewinding above finetuning"].effect.value == pytest.approx(0.09, abs=0.02)
    assert (found.p < THRESHOLD, found.p_contrary < THRESHOLD) == (supported, refuted)
    assert found.p == found.parts["scratch above rewinding"].p


def test_an_order_compares_neighbours_with_the_margin_and_unit_given():
    low, high = Term(1.0, "distance", CRITICAL), Term(1.0, "distance", SWEET)
    (rule,) = ordered({"critical": low, "sweet": high}, 0.5, "weight units").parts.values()
    assert rule == Greater(Contrast((high, replace(low, weight=-1.0))), 0.5, "weight units")


def test_an_order_of_one_is_an_error():
    with pytest.raises(InputError, match="at least two"):
        ordered({"alone": Term(1.0, "noisy", SWEET)})
