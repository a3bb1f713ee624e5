import pytest

from sdd_claims.judging import possible_outcomes
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.report import numbers
from sdd_claims.stats import AllOf, Contrast, DipFree, DipThenRise, Equivalent, Greater, Term, Window
from sdd_claims.tests.tiny import SPEC, trial_named

ERROR_RATE = 0.05 / 57
DENSE = Window(0.9, 1.0)
CURVE = CurveOf(SPEC, "test_accuracy", 3)


def rise(curve="accuracy"):
    return Greater(Contrast((Term(1.0, curve, DENSE),)), 0.5)


def equal(parts):
    return AllOf({str(part): Equivalent(Contrast((Term(1.0, "accuracy", DENSE),)), 0.5) for part in range(parts)})


def trial(name="any", rule=None, looks=(12,), **settings):
    return trial_named(name, rule or rise(), looks=looks, levels=3, **settings)


def in_words(trials, error_rate):
    return possible_outcomes.in_words(len(trials), possible_outcomes.exceptions(trials, error_rate))


def exceptions(*trials):
    return [line.strip() for line in in_words(trials, ERROR_RATE)[1:]]


def test_a_trial_that_can_come_out_as_anything_is_no_exception():
    whole = "  outcomes: {} can be supported, refuted or inconclusive"
    assert in_words([trial()], ERROR_RATE) == [whole.format("its claim")]
    assert in_words([trial("one"), trial("two")], ERROR_RATE) == [
        whole.format(f"each of its {numbers.count(2, 'claim')}")
    ]


@pytest.mark.parametrize(
    ("limited", "said"),
    [
        (trial(proxy=True), "never refuted, as a proxy: what the paper shows the claim on is too different"),
        (trial(rule=DipFree("accuracy"), looks=(18,)), "never refuted, as its rule tests no contrary"),
        (
            trial(rule=equal(2)),
            "never refuted, as too few seeds are planned: their number n gives no p below 2^-n times its parts",
        ),
        (trial(rule=DipFree("accuracy", 0.01), looks=(12,), proxy=True), "never refuted, as a proxy"),
    ],
)
def test_an_outcome_that_is_out_of_reach_is_told_with_the_reason(limited, said):
    (line,) = exceptions(limited, trial("free"))
    assert line.startswith(said)
    assert line.endswith("(1): nobody2026/any")


def test_seeds_that_are_too_few_for_a_claim_of_two_ways_are_told():
    two_ways = trial(rule=DipFree("accuracy"), looks=(12, 24), proxy=True)
    assert exceptions(two_ways)[1:] == [
        "supported only at a later look than the first, whose seeds are too few for its parts (1)"
    ]
    (never, _) = in_words([trial(rule=DipFree("accuracy"), proxy=True)], 2 * 0.5**12)[1:]
    assert never.strip().startswith("never supported, as too few seeds are planned: ")


def test_claims_that_are_decided_later_are_counted_and_not_named():
    assert exceptions(trial(rule=equal(2), looks=(12, 24)), trial("free")) == [
        "refuted only at a later look than the first, whose seeds are too few for its parts (1)"
    ]


def test_the_networks_of_one_claim_are_counted():
    networks = [trial(proxy=True, network=name) for name in ("ResNet-18", "VGG-16")]
    (line,) = exceptions(*networks, trial("other", proxy=True, network="VGG-16"))
    assert line.endswith("(3): nobody2026/any with 2\N{NO-BREAK SPACE}networks, nobody2026/other with VGG-16")


def test_windows_that_wait_for_pilots_need_not_be_known():
    def dip(phases):
        here = phases["here"]
        return DipThenRise("accuracy", here.light, here.critical, here.sweet, train_curve="accuracy")

    waits = FromPilots(dip, {"here": (CURVE, CurveOf(SPEC, "train_accuracy", 3))})
    (line, late) = exceptions(trial(rule=waits, looks=(12, 24)))
    assert line.startswith("refuted only if train accuracy has collapsed at the last level")
    assert late.startswith("refuted only at a later look")
