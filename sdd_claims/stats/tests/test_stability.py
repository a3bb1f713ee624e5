"""The promised chance that a fresh block repeats a verdict is kept, where the population is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, binomtest, nct
from scipy.stats import t as student

from sdd_claims.stats.hypotheses import All, Hypotheses, Mean, Some
from sdd_claims.stats.one_sample import is_above, more_than_half
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.stability import Design, Ruling, chance_of_repeat, power

LOOKS = (12, 24)
THRESHOLD = nominal_p(0.05 / 46, LOOKS)
DESIGN = Design(LOOKS, THRESHOLD, proxy=False)
NEVER = Hypotheses(Some(), Some())


def direction(numbers: np.ndarray) -> Hypotheses:
    return Hypotheses(Mean(numbers), Mean(-numbers))


def judged(numbers: np.ndarray) -> tuple[Ruling, int]:
    """A verdict on a direction, and the number of seeds that it took."""
    for look in LOOKS:
        if is_above(numbers[None, :look], THRESHOLD)[0]:
            return "supported", look
        if is_above(-numbers[None, :look], THRESHOLD)[0]:
            return "refuted", look
    return "open", LOOKS[-1]


def assert_kept(promised: list[float], kept: list[bool]) -> None:
    """Promises are kept as often as they say, doubtful ones and others, but for chance and .03."""
    doubtful = np.array(promised) < 0.95
    for among in (doubtful, ~doubtful):
        chance, frequency = np.mean(np.array(promised)[among]), np.mean(np.array(kept)[among])
        assert abs(chance - frequency) < 3 * np.sqrt(chance * (1 - chance) / among.sum()) + 0.03


def exact(mean: float, scatter: float, seeds: int = 12) -> np.ndarray:
    """Numbers of exactly this mean and standard deviation."""
    drawn = np.random.default_rng(5).normal(size=seeds)
    return np.asarray(mean + scatter * (drawn - drawn.mean()) / drawn.std(ddof=1))


def flat_control(seeds: int) -> Hypotheses:
    return Hypotheses(Mean(exact(-1, 0.1, seeds)), Some())


def test_the_promise_agrees_with_how_often_a_second_block_repeats_the_first():
    """Over populations of all sizes of effect: for each, one block promises and another keeps the promise or not."""
    rng = np.random.default_rng(0)
    promised, kept = list[float](), list[bool]()
    for study in range(200):
        effect = rng.uniform(-2.5, 2.5)
        first, second = rng.normal(effect, 1, (2, LOOKS[-1]))
        ruling, seeds = judged(first)
        tested = direction(first[:seeds])
        promised.append(chance_of_repeat(DESIGN, tested, flat_control(seeds), ruling, f"study {study}", 200))
        kept.append(judged(second)[0] == ruling)
    assert_kept(promised, kept)


def test_a_clear_verdict_repeats_and_one_at_its_threshold_is_a_coin_toss():
    assert chance_of_repeat(DESIGN, direction(exact(3, 0.5)), flat_control(12), "supported", "clear") == 1.0
    at_threshold = exact(0.79, 1, 24)
    assert 0.35 < chance_of_repeat(DESIGN, direction(at_threshold), flat_control(24), "supported", "near") < 0.65


def test_a_promise_allows_for_a_mean_and_a_scatter_that_are_not_known():
    tested = direction(exact(1.35, 1))
    promised = chance_of_repeat(DESIGN, tested, flat_control(12), "supported", "uncertain")
    assert promised < power(DESIGN, tested, flat_control(12), "uncertain")["supported"] - 0.02


def test_a_control_that_would_be_supported_as_well_leaves_nothing_supported():
    claim = direction(exact(3, 0.5))
    assert chance_of_repeat(DESIGN, claim, claim, "supported", "discredited") == 0.0
    assert chance_of_repeat(DESIGN, claim, claim, "open", "discredited") == 1.0


def test_a_contrary_on_a_proxy_is_repeated_as_such():
    contrary = direction(exact(-3, 0.5))
    proxy = Design(LOOKS, THRESHOLD, proxy=True)
    assert chance_of_repeat(proxy, contrary, NEVER, "contrary on a proxy", "proxy") == 1.0
    assert chance_of_repeat(DESIGN, contrary, NEVER, "refuted", "proxy") == 1.0
    assert chance_of_repeat(proxy, contrary, NEVER, "refuted", "proxy") == 0.0


def located(clearance: np.ndarray) -> Hypotheses:
    """A direction that is clear of its margin, on the seeds that have a number at all."""
    numbers = np.where(clearance > 0, exact(3, 0.5, clearance.size), np.nan)
    return Hypotheses(Mean(numbers), Mean(-numbers), (clearance,))


def of_signs(beyond: np.ndarray) -> Hypotheses:
    """That most seeds lie beyond a margin, of which some miss it by far."""
    excess = np.where(beyond, 0.5, -9.0)
    return Hypotheses(Mean(excess, "signs"), Mean(-excess, "signs"))


def test_the_promise_of_a_share_of_seeds_is_kept_whatever_the_share():
    design = Design((12, 24, 48), nominal_p(0.05 / 46, (12, 24, 48)), proxy=False)

    def judged(beyond: np.ndarray) -> tuple[Ruling, int]:
        for look in design.looks:
            if more_than_half(beyond[:look] - 0.5) < design.threshold:
                return "supported", look
            if more_than_half(0.5 - beyond[:look]) < design.threshold:
                return "refuted", look
        return "open", design.looks[-1]

    rng = np.random.default_rng(0)
    promised, kept = list[float](), list[bool]()
    for study in range(400):
        first, second = rng.random((2, 48)) < rng.uniform()
        ruling, seeds = judged(first)
        promised.append(
            chance_of_repeat(design, of_signs(first[:seeds]), flat_control(seeds), ruling, f"study {study}", 300)
        )
        kept.append(judged(second)[0] == ruling)
    assert_kept(promised, kept)


@pytest.mark.parametrize("exceptions", [2, 3, 4])
def test_of_shares_it_does_not_matter_which_seeds_are_the_exceptions(exceptions):
    """The first seed is one in neither part, or in one."""
    design = Design((24,), nominal_p(0.05 / 46, (24,)), proxy=False)
    last, first = np.arange(24) < 24 - exceptions, np.arange(24) >= exceptions

    def promised(*parts: np.ndarray) -> float:
        each = [of_signs(beyond) for beyond in parts]
        tested = Hypotheses(All(tuple(e.claim for e in each)), Some(tuple(e.contrary for e in each)))
        return chance_of_repeat(design, tested, flat_control(24), "supported", "exceptions", 500)

    assert promised(last, last) == promised(last, first) == promised(first, first)


def test_no_study_establishes_that_most_seeds_lie_beyond_a_margin_and_that_most_do_not():
    """Both would count as open: of twelve fresh seeds 5 to 7 must lie beyond for that, at this threshold."""
    design = Design((12,), 0.3, proxy=False)
    assert more_than_half(np.repeat([1.0, -1.0], [8, 4])) < 0.3 < more_than_half(np.repeat([1.0, -1.0], [7, 5]))
    found = chance_of_repeat(design, of_signs(np.arange(12) < 6), flat_control(12), "open", "halves", 5000)
    assert found == pytest.approx(betabinom(12, 6.5, 6.5).pmf([5, 6, 7]).sum(), abs=0.025)


def test_seeds_at_the_margin_lie_beyond_neither_for_a_claim_nor_for_its_contrary():
    design, numbers = Design((12,), THRESHOLD, proxy=False), np.repeat([0.0, -1.0], [11, 1])
    tested = Hypotheses(Mean(numbers, "signs"), Mean(-numbers, "signs"))
    assert chance_of_repeat(design, tested, flat_control(12), "open", "ties") > 0.99
    turned = Hypotheses(tested.contrary, tested.claim)
    assert chance_of_repeat(design, turned, flat_control(12), "open", "ties") > 0.99


@pytest.mark.parametrize("lacking", [0, 1, 3, 6])
def test_power_is_that_of_the_binomial_test_with_as_many_seeds_without_a_place(lacking):
    """All others lie clearly beyond: so many of 24 do as have a place."""
    inside = np.where(np.arange(24) < lacking, -np.inf, exact(30, 1, 24))
    tested = Hypotheses(Mean(inside, "signs"), Mean(np.where(np.isneginf(inside), inside, -inside), "signs"))
    found = power(Design((24,), 4e-4, proxy=False), tested, flat_control(24), "places", 4000)["supported"]
    enough = next(count for count in range(24) if binom.sf(count - 1, 24, 0.5) < 4e-4)
    expected = float(binom.sf(enough - 1, 24, 1 - lacking / 24))
    assert binomtest(round(4000 * found), 4000, expected).pvalue > 1e-3


def test_seeds_without_a_place_repeat_a_verdict_as_rarely_as_seeds_beyond_the_bounds():
    """Where only signs count, why a seed does not lie within the bounds makes no difference to the claim."""
    design = Design((24,), 4e-4, proxy=False)
    beyond = of_signs(np.arange(24) > 2)
    lacking = np.where(np.arange(24) > 2, 0.5, -np.inf)
    without = Hypotheses(Mean(lacking, "signs"), Mean(np.where(np.arange(24) > 2, -0.5, -np.inf), "signs"))
    chances = [chance_of_repeat(design, each, flat_control(24), "supported", "places") for each in (beyond, without)]
    assert chances[0] == pytest.approx(chances[1], abs=0.06)


def test_twelve_seeds_of_twelve_do_not_prove_that_all_lie_beyond():
    design, tested = Design((12,), THRESHOLD, proxy=False), of_signs(np.ones(12, bool))
    assert 0.4 < chance_of_repeat(design, tested, flat_control(12), "supported", "share") < 0.8


def test_seeds_that_diverge_are_drawn_as_often_as_there_were_some():
    numbers = exact(3, 0.5)
    numbers[4] = np.nan
    chance = chance_of_repeat(DESIGN, direction(numbers), flat_control(12), "open", "lacking")
    assert chance == pytest.approx(1 - (11 / 12) ** 12, abs=0.04)
    clear = Hypotheses(Mean(numbers), Mean(-numbers), (np.where(np.isnan(numbers), np.nan, exact(9, 1)),))
    assert chance_of_repeat(DESIGN, clear, flat_control(12), "open", "lacking") == chance


def test_the_promise_that_no_fresh_seed_lacks_its_dip_is_kept():
    """Over populations whose dips stand out by one to five standard deviations, as the promise of an effect."""
    rng = np.random.default_rng(0)
    promised, kept = list[float](), list[bool]()
    for study in range(400):
        first, second = rng.normal(rng.uniform(1, 5), 1, (2, 12))
        design = Design((12,), THRESHOLD, proxy=False)
        ruling: Ruling = "supported" if (first > 0).all() else "open"
        promised.append(chance_of_repeat(design, located(first), flat_control(12), ruling, f"study {study}", 200))
        kept.append((ruling == "supported") == bool((second > 0).all()))
    assert_kept(promised, kept)


@settings(max_examples=25, deadline=None)
@given(clear=st.floats(1, 6), lacking=st.integers(0, 11), by=st.floats(0.01, 2), seed=st.integers(0, 10**6))
def test_stability_never_rises_when_more_seeds_lack(clear, lacking, by, seed):
    """Of seeds that all stand out to some degree, the lowest lose their dips; or as many diverge."""
    heights = np.sort(np.abs(np.random.default_rng(seed).normal(clear, 1, 12)))

    def promise(tested: Hypotheses) -> float:
        return chance_of_repeat(DESIGN, tested, flat_control(12), "supported", "more", 300)

    def short_by(seeds: int) -> Hypotheses:
        return located(np.where(np.arange(12) < seeds, -by, heights))

    def diverged(seeds: int) -> Hypotheses:
        return direction(np.where(np.arange(12) < seeds, np.nan, exact(30, 0.5)))

    for lose in (short_by, diverged):
        assert promise(lose(lacking + 1)) <= promise(lose(lacking))


@settings(max_examples=25, deadline=None)
@given(clear=st.floats(1, 6), lower=st.floats(0, 6), seed=st.integers(0, 10**6))
def test_stability_never_rises_as_dips_grow_shallower(clear, lower, seed):
    heights = np.random.default_rng(seed).normal(clear, 1, 12)
    numbers = exact(3, 0.5)

    def promise(clearance: np.ndarray) -> float:
        tested = Hypotheses(Mean(numbers), Mean(-numbers), (clearance,))
        return chance_of_repeat(DESIGN, tested, flat_control(12), "supported", "shallower", 300)

    assert promise(heights - lower) <= promise(heights) <= promise(np.full(12, np.inf))


def test_a_control_without_a_dip_leaves_nothing_supported():
    claim, contrary = direction(exact(3, 0.5)), direction(exact(-3, 0.5))
    gone = Hypotheses(claim.claim, claim.contrary, (exact(-9, 1),))
    assert chance_of_repeat(DESIGN, claim, gone, "supported", "control") == 0.0
    assert chance_of_repeat(DESIGN, claim, gone, "open", "control") == 1.0
    assert chance_of_repeat(DESIGN, contrary, gone, "refuted", "control") == 1.0


def test_the_same_name_gives_the_same_chance():
    def chance(name: str) -> float:
        return chance_of_repeat(DESIGN, direction(exact(1, 1)), flat_control(12), "supported", name, 500)

    assert chance("one") == chance("one")
    assert len({chance(f"name {number}") for number in range(6)}) > 1


def test_power_is_that_of_a_t_test_at_the_given_effect_where_it_binds():
    """At 24 seeds the sign-flip test costs little; a design of one look is then scipy's noncentral t."""
    for effect in (0.5, 0.8, 1.1):
        design = Design((24,), 0.001, proxy=False)
        found = power(design, direction(exact(effect, 1)), flat_control(12), "power")
        expected = nct.sf(student.isf(0.001, 23), 23, effect * np.sqrt(24))
        assert found["supported"] == pytest.approx(expected, abs=0.05)
        assert found["refuted"] == 0
        assert sum(found.values()) == pytest.approx(1, abs=0.02)


def test_a_control_that_is_supported_leaves_no_power():
    found = power(DESIGN, direction(exact(3, 0.5)), direction(exact(3, 0.5)), "control")
    assert found["supported"] == 0


def test_what_the_pilots_refute_has_power_to_be_refuted_or_is_a_contrary_on_a_proxy():
    rulings: dict[bool, Ruling] = {False: "refuted", True: "contrary on a proxy"}
    for proxy, ruling in rulings.items():
        found = power(Design(LOOKS, THRESHOLD, proxy), direction(exact(-3, 0.5)), flat_control(12), "contrary")
        assert found[ruling] == 1.0


def test_whether_a_seed_has_its_dip_and_how_large_its_effect_is_are_drawn_together():
    """Of an effect that grows with how far the dip stands out, seeds that lack one have the smallest."""
    heights = exact(1.5, 1)
    fresh = np.random.default_rng(3).normal(1.5, 1, (20_000, 12))
    expected = ((fresh > 0).all(axis=1) & is_above(fresh - 0.2, THRESHOLD)).mean()
    tested = Hypotheses(Mean(heights - 0.2), Mean(0.2 - heights), (heights,))
    found = power(Design((12,), THRESHOLD, proxy=False), tested, flat_control(12), "together")
    assert found["supported"] == pytest.approx(expected, abs=0.05)
