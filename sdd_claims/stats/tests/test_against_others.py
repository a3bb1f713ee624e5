"""Our numbers against those of others: certified by NIST, published in tables, or computed by R.

NIST's data and certified values are those of its Statistical Reference Datasets (StRD), files NAME.dat of the sections
"Univariate Summary Statistics" and "Linear Regression". What R says stands with the command that made R say it: R 4.2.2
with exactRankTests 0.8-35, e1071 1.7-13, rpact 3.3.4 and BayesFactor 0.9.12-4.4, at options(digits = 15).
"""

from fractions import Fraction
from math import comb, erfc, exp, sqrt

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.stats import Contrast, Correlated, Equivalent, Greater, Term, Window
from sdd_claims.stats.e_values import sign_e_value, t_e_value
from sdd_claims.stats.hypotheses import below, p_value, weigh, within
from sdd_claims.stats.multiplicity import holm
from sdd_claims.stats.one_sample import (
    SCREEN,
    adverse_skewness,
    excess_over,
    mean_above,
    skewness,
    t_statistic,
)
from sdd_claims.stats.outcome import mean_effect
from sdd_claims.stats.sequential import nominal_p
from sdd_claims.stats.slopes import slopes


def numbers_of(text: str) -> np.ndarray:
    """The numbers of a table."""
    return np.array(text.split(), dtype=float)


LEW = numbers_of("""
    -213 -564 -35 -15 141 115 -420 -360 203 -338 -431 194 -220 -513 154 -125 -559 92 -21 -579 -52 99 -543 -175 162
    -457 -346 204 -300 -474 164 -107 -572 -8 83 -541 -224 180 -420 -374 201 -236 -531 83 27 -564 -112 131 -507 -254
    199 -311 -495 143 -46 -579 -90 136 -472 -338 202 -287 -477 169 -124 -568 17 48 -568 -135 162 -430 -422 172 -74
    -577 -13 92 -534 -243 194 -355 -465 156 -81 -578 -64 139 -449 -384 193 -198 -538 110 -44 -577 -6 66 -552 -164
    161 -460 -344 205 -281 -504 134 -28 -576 -118 156 -437 -381 200 -220 -540 83 11 -568 -160 172 -414 -408 188 -125
    -572 -32 139 -492 -321 205 -262 -504 142 -83 -574 0 48 -571 -106 137 -501 -266 190 -391 -406 194 -186 -553 83
    -13 -577 -49 103 -515 -280 201 300 -506 131 -45 -578 -80 138 -462 -361 201 -211 -554 32 74 -533 -235 187 -372
    -442 182 -147 -566 25 68 -535 -244 194 -351 -463 174 -125 -570 15 72 -550 -190 172 -424 -385 198 -218 -536 96
""")
LOTTERY = numbers_of("""
    162 671 933 414 788 730 817 33 536 875 670 236 473 167 877 980 316 950 456 92 517 557 956 954 104 178 794 278
    147 773 437 435 502 610 582 780 689 562 964 791 28 97 848 281 858 538 660 972 671 613 867 448 738 966 139 636
    847 659 754 243 122 455 195 968 793 59 730 361 574 522 97 762 431 158 429 414 22 629 788 999 187 215 810 782 47
    34 108 986 25 644 829 630 315 567 919 331 207 412 242 607 668 944 749 168 864 442 533 805 372 63 458 777 416 340
    436 140 919 350 510 572 905 900 85 389 473 758 444 169 625 692 140 897 672 288 312 860 724 226 884 508 976 741
    476 417 831 15 318 432 241 114 799 955 833 358 935 146 630 830 440 642 356 373 271 715 367 393 190 669 8 861 108
    795 269 590 326 866 64 523 862 840 219 382 998 4 628 305 747 247 34 747 729 645 856 974 24 568 24 694 608 480
    410 729 947 293 53 930 223 203 677 227 62 455 387 318 562 242 428 968
""")
MAVRO = numbers_of("""
    2.0018 2.0017 2.0018 2.0019 2.0018 2.0017 2.0015 2.0014 2.0015 2.0015 2.0017 2.0018 2.0018 2.0019 2.0019 2.0021
    2.002 2.0016 2.0014 2.0013 2.0013 2.0015 2.0015 2.0016 2.0015 2.0014 2.0013 2.0014 2.0015 2.0014 2.0015 2.0016
    2.0015 2.0016 2.0019 2.002 2.002 2.0021 2.0022 2.0023 2.0024 2.0025 2.0027 2.0026 2.0026 2.0026 2.0027 2.0026
    2.0025 2.0024
""")
MICHELSON = numbers_of("""
    299.85 299.74 299.90 300.07 299.93 299.85 299.95 299.98 299.98 299.88 300.00 299.98 299.93 299.65 299.76 299.81
    300.00 300.00 299.96 299.96 299.96 299.94 299.96 299.94 299.88 299.80 299.85 299.88 299.90 299.84 299.83 299.79
    299.81 299.88 299.88 299.83 299.80 299.79 299.76 299.80 299.88 299.88 299.88 299.86 299.72 299.72 299.62 299.86
    299.97 299.95 299.88 299.91 299.85 299.87 299.84 299.84 299.85 299.84 299.84 299.84 299.89 299.81 299.81 299.82
    299.80 299.77 299.76 299.74 299.75 299.76 299.91 299.92 299.89 299.86 299.88 299.72 299.84 299.85 299.85 299.78
    299.89 299.84 299.78 299.81 299.76 299.81 299.79 299.81 299.82 299.85 299.87 299.87 299.81 299.74 299.81 299.94
    299.95 299.80 299.81 299.87
""")
NORRIS_Y = numbers_of("""
    0.1 338.8 118.1 888.0 9.2 228.1 668.5 998.5 449.1 778.9 559.2 0.3 0.1 778.1 668.8 339.3 448.9 10.8 557.7 228.3
    998.0 888.8 119.6 0.3 0.6 557.6 339.3 888.0 998.5 778.9 10.2 117.6 228.9 668.4 449.2 0.2
""")
NORRIS_X = numbers_of("""
    0.2 337.4 118.2 884.6 10.1 226.5 666.3 996.3 448.6 777.0 558.2 0.4 0.6 775.5 666.9 338.0 447.5 11.6 556.0 228.1
    995.8 887.6 120.2 0.3 0.3 556.8 339.1 887.2 999.0 779.0 11.1 118.3 229.2 669.1 448.9 0.5
""")
PONTIUS_Y = numbers_of("""
    .11019 .21956 .32949 .43899 .54803 .65694 .76562 .87487 .98292 1.09146 1.20001 1.30822 1.41599 1.52399 1.63194
    1.73947 1.84646 1.95392 2.06128 2.16844 .11052 .22018 .32939 .43886 .54798 .65739 .76596 .87474 .98300 1.09150
    1.20004 1.30818 1.41613 1.52408 1.63159 1.73965 1.84696 1.95445 2.06177 2.16829
""")
PONTIUS_X = np.tile(150_000.0 * np.arange(1, 21), 2)


def accurate_to_one_digit(first: float) -> np.ndarray:
    """NIST's NumAcc2 to NumAcc4: one number, and 500 pairs a tenth below and above it."""
    return np.array([first, *[first - 0.1, first + 0.1] * 500])


UNIVARIATE = {
    # data, certified mean, certified standard deviation, a mean to test against, relative precision.
    # The data themselves are rounded: of NumAcc4, to one part in 10^8 of their standard deviation.
    "Lew": (LEW, -177.435000000000, 277.332168044316, -200, 1e-13),
    "Lottery": (LOTTERY, 518.958715596330, 291.699727470969, 500, 1e-13),
    "Mavro": (MAVRO, 2.00185600000000, 0.000429123454003053, 2, 1e-11),
    "Michelso": (MICHELSON, 299.852400000000, 0.0790105478190518, 299.792458, 1e-11),
    "NumAcc1": (np.array([10000001.0, 10000003.0, 10000002.0]), 10000002, 1, 10000000, 1e-14),
    "NumAcc2": (accurate_to_one_digit(1.2), 1.2, 0.1, 1, 1e-13),
    "NumAcc3": (accurate_to_one_digit(1000000.2), 1000000.2, 0.1, 1000000, 1e-9),
    "NumAcc4": (accurate_to_one_digit(10000000.2), 10000000.2, 0.1, 10000000, 2e-8),
}
ONE_STANDARD_ERROR = {
    3: 0.211324865405187,
    50: 0.161111702975338,
    100: 0.159874237069651,
    200: 0.159262456159887,
    218: 0.159212147347434,
    1001: 0.158776209042336,
}
"""R's pt(-1, n - 1): the threshold whose interval is the mean, one standard error on either side."""
MORLEY = numbers_of("850 740 900 1070 930 850 950 980 980 880 1000 980 930 650 760 810 1000 1000 960 960")
"""R's morley$Speed[1:20]."""
STACK_LOSS = numbers_of("42 37 37 28 18 18 19 20 15 14 14 13 11 12 8 7 8 8 9 15 15")
"""R's stackloss$stack.loss."""
CROSSED = numbers_of("23.5 12 21 22 19.125 21.5 22.125 20.375 18.25 21.625 23.25 21 22.125 23 12")
SELFED = numbers_of("17.375 20.375 20 20 18.375 18.625 18.625 15.25 16.5 18 16.25 18 12.75 15.5 18")
"""Heights of Darwin's maize in inches, in pairs (Fisher 1935, The Design of Experiments, section 17)."""
EIGHTHS = 8 * (CROSSED - SELFED)


@pytest.mark.parametrize("name", UNIVARIATE)
def test_means_and_standard_deviations_are_the_certified_ones_of_nist(name):
    data, mean, deviation, against, precision = UNIVARIATE[name]
    assert mean_effect(data, 0.025, "units").value == pytest.approx(mean, rel=1e-14)
    found = mean_effect(data - against, ONE_STANDARD_ERROR[len(data)], "units")  # else its ends would be rounded
    assert (found.high - found.low) / 2 * sqrt(len(data)) == pytest.approx(deviation, rel=max(precision, 1e-12))


@pytest.mark.parametrize("name", UNIVARIATE)
def test_t_statistics_are_those_of_the_certified_values_of_nist(name):
    data, mean, deviation, against, precision = UNIVARIATE[name]
    expected = (mean - against) / (deviation / sqrt(len(data)))
    # Of the difference of the means, digits are lost as well.
    assert t_statistic(excess_over(data, against)) == pytest.approx(expected, rel=max(precision, 1e-12))


def test_a_slope_is_the_certified_one_of_nist():
    """Norris: y = B0 + B1 x."""
    assert slopes(NORRIS_Y, tuple(NORRIS_X)) == pytest.approx(1.00211681802045, rel=1e-13)


def test_slopes_on_what_other_terms_leave_are_the_certified_ones_of_nist():
    """Pontius: y = B0 + B1 x + B2 x^2, each coefficient as the slope on what the other term leaves of its own."""
    square = PONTIUS_X**2

    def left(of: np.ndarray, by: np.ndarray) -> np.ndarray:
        return of - of.mean() - slopes(of, tuple(by)) * (by - by.mean())

    assert slopes(PONTIUS_Y, tuple(left(square, PONTIUS_X))) == pytest.approx(-0.316081871345029e-14, rel=1e-10)
    assert slopes(PONTIUS_Y, tuple(left(PONTIUS_X, square))) == pytest.approx(0.732059160401003e-06, rel=1e-12)


def test_a_correlation_is_the_certified_one_of_nist():
    """Norris: R-squared. The levels of a curve must fall, and a correlation does not ask where they lie."""
    position = np.linspace(1, 0.1, len(NORRIS_X))
    rule = Correlated("x", "null", "y", Window(0.1, 1))
    values = {"x": NORRIS_X[None], "null": NORRIS_X[None, ::-1], "y": NORRIS_Y[None]}
    own, _ = rule.correlations(dict.fromkeys(values, position), values)
    assert own[0] ** 2 == pytest.approx(0.999993745883712, rel=1e-14)


def test_the_sign_flip_test_is_fishers_of_darwins_maize():
    """Fisher 1935, section 21: of the 32,768 sums of Darwin's differences, 863 are as large as the one observed.

    R: perm.test(8 * (cross - self), alternative = "greater", exact = TRUE)$p.value
    """
    assert mean_above(EIGHTHS) == 863 / 32768 == 0.026336669921875
    assert mean_above(EIGHTHS / 8) == 863 / 32768


@pytest.mark.parametrize(
    ("against", "t", "p_of_t", "p_of_flips"),
    [
        (792, 4.98674982065306, 4.09438237211534e-05, 1.39236450195312e-04),
        (850, 2.5146858069959883, 0.0105385306882667, 0.0120964050292969),
        (870, 1.6622499402176873, 0.0564362847512547, 0.0587091445922852),
    ],
)
def test_the_two_tests_of_michelsons_first_experiment_are_rs(against, t, p_of_t, p_of_flips):
    """R: m <- morley$Speed[1:20]; t.test(m, mu = MU, alternative = "greater"); perm.test(m - MU, ..., exact = TRUE)."""
    assert t_statistic(MORLEY - against) == pytest.approx(t, rel=1e-14)
    expected = max(p_of_t, p_of_flips) if p_of_t < SCREEN else p_of_t
    assert mean_above(MORLEY, against) == pytest.approx(expected, rel=1e-13)


def test_a_difference_of_none_counts_as_rs_permutation_test_counts_it():
    """Of R's sleep the differences are all positive but one, which is none: 2 of 1024 sums are as large.

    d <- with(sleep, extra[group == 2] - extra[group == 1]); t.test(d, alternative = "greater")
    perm.test(round(10 * d), alternative = "greater", exact = TRUE)
    """
    slept_longer = numbers_of("1.2 2.4 1.3 1.3 0.0 1.0 1.8 0.8 4.6 1.4")
    assert t_statistic(slept_longer) == pytest.approx(4.06212768338203656, rel=1e-14)
    assert mean_above(slept_longer) == 0.00195312500000000 > 0.00141644509869214


def test_skewness_is_that_of_r():
    """skewness(x, type = 2) of e1071, which is that of SAS and SPSS too."""
    assert skewness(EIGHTHS) == pytest.approx(-1.10590709239447, rel=1e-13)
    assert skewness(MORLEY) == pytest.approx(-0.964606630077662, rel=1e-13)
    assert skewness(-STACK_LOSS) == pytest.approx(-1.34203346341953, rel=1e-13)


@pytest.mark.parametrize(
    ("against", "p_of_t", "p_of_hall"),
    [
        (21, 0.0665041533034498, 0.1058711261056109),
        (22, 0.0286802658085108, 0.0629861517453167),
        (23, 0.0113860819562580, 0.0379621811423075),
        (24, 0.00425547955189023, 0.0235061711879412),
    ],
)
def test_halls_test_is_what_r_makes_of_his_formula(against, p_of_t, p_of_hall):
    """The p of a mean below, under a tail above; the flips' p is smaller. At 24, t lies short of the bend, 3.0.

    x <- -stackloss$stack.loss; n <- length(x); g <- skewness(x, type = 2); t <- t.test(x, mu = -MU)$statistic
    pt(t + g*t^2/(3*sqrt(n)) + g^2*t^3/(27*n) + g/(6*sqrt(n)), n - 1, lower.tail = FALSE)
    """
    assert skewness(-STACK_LOSS) < -adverse_skewness(len(STACK_LOSS))
    assert p_of_t < p_of_hall
    assert p_value(below(STACK_LOSS, against)) == pytest.approx(p_of_hall, rel=1e-12)


def as_curves(**heights: np.ndarray) -> dict[str, SparsityCurve]:
    seeds = tuple(range(len(CROSSED)))
    return {name: SparsityCurve(seeds, np.array([1.0]), each[:, None]) for name, each in heights.items()}


MAIZE = as_curves(crossed=CROSSED, selfed=SELFED)
DIFFERENCE = Contrast((Term(1.0, "crossed", Window(1, 1)), Term(-1.0, "selfed", Window(1, 1))))


@pytest.mark.parametrize(
    ("threshold", "low", "high"),
    [(0.025, 0.00389916479912178, 5.22943416853421095), (0.0005, -2.42721206014448, 7.66054539347781)],
)
def test_the_effect_of_a_contrast_and_its_interval_are_those_of_rs_paired_t_test(threshold, low, high):
    """R: t.test(cross, self, paired = TRUE, conf.level = 1 - 2 * THRESHOLD)."""
    found = Greater(DIFFERENCE, unit="inches").evaluate(MAIZE, threshold).effect
    assert found.value == pytest.approx(2.61666666666666670, rel=1e-14)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12, abs=5e-12)  # as exact as scipy's quantile


def test_equivalence_is_rs_two_one_sided_paired_t_tests():
    """The larger p of these two; at a margin of 6 inches, where it is small, that of the sign flips joins in.

    t.test(cross, self, paired = TRUE, mu = -4, alternative = "greater"); t.test(..., mu = 4, alternative = "less")
    perm.test(48 - 8 * (cross - self), alternative = "greater", exact = TRUE)
    """
    assert Equivalent(DIFFERENCE, 4, "inches").evaluate(MAIZE, 0.0005).p == pytest.approx(0.137603811543264, rel=1e-13)
    assert max(0.00741345086716404, 0.004058837890625) == 0.00741345086716404
    assert weigh(within(CROSSED - SELFED, 6)).support == pytest.approx(0.00741345086716404, rel=1e-12)


def test_adjusted_p_are_rs():
    """R: p.adjust(c(0.0002, 0.03, 0.0009, 0.004, 0.0005), method = "holm", n = 52)."""
    found = holm([0.0002, 0.03, 0.0009, 0.004, 0.0005], registered=52)
    assert found == pytest.approx([0.0104, 1.0, 0.0450, 0.1960, 0.0255], rel=1e-14)


POCOCK = {
    # Looks and error rate on one side: the nominal p of R, and that of both sides as in tables after Pocock (1977).
    # getDesignGroupSequential(kMax = K, alpha = ALPHA, sided = 1, typeOfDesign = "P")$stageLevels
    (2, 0.025): (0.0146928927063537, 0.0294),
    (3, 0.025): (0.0110257841171675, 0.0221),
    (4, 0.025): (0.00910550419209966, 0.0182),
    (5, 0.025): (0.00790699754655300, 0.0158),
    (2, 0.005): (0.00278728990535748, 0.0056),
    (3, 0.005): (0.00203323075436379, 0.0041),
    (4, 0.005): (0.00164815185150635, 0.0033),
    (5, 0.005): (0.00141200718012136, 0.0028),
}


def of_a_known_deviation(alpha: float, shares: tuple[int, ...]) -> float:
    """The nominal p of looks at so many shares of seeds each, where a share is infinitely many.

    Ours are those of the t-test, whose distance from it falls with the number of seeds: 200 and 400 a share tell it.
    """
    fewer, more = (nominal_p(alpha, tuple(share * seeds for share in shares)) for seeds in (200, 400))
    return 2 * more - fewer


@pytest.mark.parametrize(("looks", "alpha"), POCOCK)
def test_the_thresholds_of_many_seeds_are_rs_and_pococks(looks, alpha):
    of_r, in_tables = POCOCK[looks, alpha]
    found = of_a_known_deviation(alpha, tuple(range(1, looks + 1)))
    assert found == pytest.approx(of_r, rel=2e-5)
    assert round(2 * found, 4) == in_tables


def test_the_thresholds_of_looks_at_unequal_distances_are_rs():
    """R: getDesignGroupSequential(kMax = 3, alpha = .05 / 52, ..., informationRates = c(12, 24, 48) / 48)."""
    assert of_a_known_deviation(0.05 / 52, (1, 2, 4)) == pytest.approx(0.000353680524235234, rel=2e-5)


@pytest.mark.parametrize(
    ("t", "seeds", "expected"),
    [
        (-1, 12, 0.118564173278552),
        (0.5, 24, 0.242869606546115),
        (2, 12, 2.09170155529357),
        (3, 12, 9.57891285990683),
        (4, 24, 111.251160922494),
        (5, 12, 194.671222421777),
        (5, 24, 1109.16272202727),
    ],
)
def test_e_values_are_the_one_sided_bayes_factors_of_r(t, seeds, expected):
    """R: exp(ttest.tstat(T, N, nullInterval = c(0, Inf), rscale = 1)$bf), which says its error is up to 3e-6."""
    scattered = np.linspace(-1, 1, seeds)
    numbers = scattered / scattered.std(ddof=1) + t / sqrt(seeds)
    assert t_e_value(numbers) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("seeds", [3, 12, 24])
def test_the_e_value_of_no_effect_has_a_closed_form(seeds):
    """At t = 0 the ratio is exp(-n effect^2 / 2); the effects below exp(-18) / sqrt(n) are left out of its mean."""
    assert t_e_value(np.linspace(-1, 1, seeds)) == pytest.approx(exp(seeds / 2) * erfc(sqrt(seeds / 2)), rel=2e-8)


@pytest.mark.parametrize(("beyond", "seeds"), [(0, 12), (3, 12), (7, 12), (12, 12), (13, 15), (24, 24)])
def test_a_bet_on_signs_wins_what_whole_numbers_say(beyond, seeds):
    """2^(n+1) times the integral of q^k (1-q)^(n-k) from 1/2 to 1, which counts at most k heads in n + 1 throws."""
    heads = sum(comb(seeds + 1, each) for each in range(beyond + 1))
    expected = Fraction(heads, (seeds + 1) * comb(seeds, beyond))
    numbers = np.repeat([1.0, -1.0], [beyond, seeds - beyond])
    assert sign_e_value(numbers) == pytest.approx(float(expected), rel=1e-12)


def test_a_bet_on_signs_wins_what_r_says():
    """R: 2^(n+1) * beta(k+1, n-k+1) * pbeta(1/2, k+1, n-k+1, lower.tail = FALSE), of Darwin's 13 pairs of 15."""
    assert sign_e_value(EIGHTHS) == pytest.approx(38.9279761904762, rel=1e-13)
