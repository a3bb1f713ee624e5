from dataclasses import replace

import numpy as np
import pytest

from sdd_claims.curves import SparsityCurve
from sdd_claims.report.lines import Line
from sdd_claims.report.names import curve_names, distinct, owner, window_name

LONG = "squared l2 penalty of strength 0.001"


def line(name: str, label: str, measure: str = "test_accuracy", seeds: tuple[int, ...] = (1000,)) -> Line:
    curve = SparsityCurve(seeds, np.ones(1), np.ones((len(seeds), 1)))
    return Line(name, label, measure, curve, f"digest of {label}")


def labels(lines: list[Line]) -> list[str]:
    return [each.label for each in lines]


def test_labels_keep_only_what_tells_curves_apart():
    judged, control, shared = curve_names(
        [line("a", "mlp on mnist, 20 % noise, pruned")], [line("b", "mlp on mnist, clean, pruned")]
    )
    assert labels([*judged, *control]) == ["20 % noise", "clean"]
    assert shared == "mlp on mnist, pruned"


def test_curves_with_one_label_go_by_their_names():
    judged, _, shared = curve_names([line("ticket", "mlp, noise"), line("repeat", "mlp, noise")], [])
    assert labels(judged) == ["ticket", "repeat"]
    assert shared == "mlp, noise"


def test_a_setting_measured_twice_says_which_measure_is_which():
    judged = [line("a", "mlp, noise"), line("b", "mlp, noise", "train_accuracy")]
    control = [line("a", "mlp, clean"), line("b", "mlp, clean", "train_accuracy")]
    judged, control, _ = curve_names(judged, control)
    assert labels([*judged, *control]) == ["noise, test", "noise, train", "clean, test", "clean, train"]


def test_where_settings_are_long_the_trials_names_serve():
    judged = [line("weight decay", f"mlp, {LONG}"), line("none", "mlp")]
    ours, theirs, _ = curve_names(judged, [line("weight decay", "mlp"), line("none", "mlp")])
    assert labels(ours) == ["weight decay", "none"]
    assert labels(theirs) == ["none", "none"]


def test_a_controls_curve_that_equals_another_judged_one_is_not_called_by_its_place():
    judged = [line("strength 0.001", f"mlp, {LONG}"), line("strength 0.1", f"mlp, {LONG}00")]
    _, theirs, _ = curve_names(judged, [line("strength 0.001", f"mlp, {LONG}00")])
    assert labels(theirs) == ["strength 0.1"]
    assert [each.name for each in theirs] == ["strength 0.1"]


def test_a_control_of_its_own_says_what_is_its_own_or_in_whose_place_it_stands():
    judged = [line("a", f"mlp, {LONG}"), line("b", f"mlp, {LONG}, wide")]
    _, theirs, _ = curve_names(judged, [line("a", "mlp, clean"), line("b", "mlp")])
    assert labels(theirs) == ["clean", "in place of b"]


def test_a_control_on_several_blocks_of_seeds_tells_them():
    judged = [line("5 neurons", f"mlp-5 and {LONG}"), line("25 neurons", f"mlp-25 and {LONG}")]
    control = [line(each.name, f"mlp-5 and {LONG}", seeds=(place, place + 1)) for place, each in enumerate(judged)]
    _, theirs, _ = curve_names(judged, control)
    assert labels(theirs) == ["5 neurons, seeds 0–1", "5 neurons, seeds 1–2"]


def test_a_control_that_repeats_one_curve_in_the_place_of_another_goes_by_what_it_is():
    judged = [line("vanilla", "mlp"), line("regularized", "mlp, weight decay")]
    control = [line("vanilla", "mlp"), line("regularized", "mlp", seeds=(1100,))]
    ours, theirs, _ = curve_names(judged, control)
    assert labels(ours) == ["vanilla", "weight decay"]
    assert labels(theirs) == ["vanilla, seeds 1000", "vanilla, seeds 1100"]


def test_controls_of_several_networks_that_differ_from_the_judged_ones_alike_name_their_places():
    judged = [line("narrow", f"mlp-5, {LONG}"), line("wide", f"mlp-100, {LONG}")]
    _, theirs, _ = curve_names(judged, [line("narrow", "mlp-5, clean"), line("wide", "mlp-100, clean")])
    assert labels(theirs) == ["in place of narrow", "in place of wide"]


def test_a_control_that_is_one_run_in_several_places_is_labelled_in_each():
    judged = [line("narrow", f"mlp-5, {LONG}"), line("wide", f"mlp-100, {LONG}, wide")]
    control = [line(each.name, "mlp-5, a control with a very long description") for each in judged]
    _, theirs, _ = curve_names(judged, control)
    assert labels(distinct(theirs)) == ["in place of narrow"]


def test_a_curve_in_several_places_goes_by_what_its_names_share():
    judged = [
        line("l1, wide, without", LONG),
        line("l1, wide, penalised", LONG),
        line("l2, wide, without", f"{LONG}00"),
    ]
    ours, _, _ = curve_names(judged, [])
    assert labels(ours) == ["l1, wide", "l1, wide", "l2, wide, without"]


def test_a_curve_is_drawn_once_and_under_its_first_name():
    lines = [line("a", "clean"), line("b", "clean"), line("c", "clean", "train_accuracy"), line("d", "noisy")]
    assert [each.name for each in distinct(lines)] == ["a", "c", "d"]


def test_small_numbers_in_names_are_written_out():
    judged, _, _ = curve_names([line("eq. 2, 1e-05", "mlp"), line("eq. 2, 0.001", "mlp")], [])
    assert labels(judged) == ["eq. 2, 10⁻⁵", "eq. 2, 0.001"]


@pytest.mark.parametrize(
    ("name", "window", "said"),
    [
        ("50000", (50000, 50000, "epoch"), "epoch 50,000"),
        ("100 to 1000", (100, 1000, "epoch"), "epoch 100 to 1,000"),
        ("5", (5, 5, "penalty strength"), "strength 5"),
        ("1", (1, 1, "density"), "dense"),
        ("0.4 to 0.65", (0.4, 0.65, "density"), "density 0.4 to 0.65"),
        ("1e-06", (1e-6, 1e-6, "ridge strength"), "strength 10⁻⁶"),
        ("critical", (0.1, 0.2, "density"), "critical"),
        ("wide: 5", (5, 5, "penalty strength"), "wide: strength 5"),
    ],
)
def test_a_window_called_by_its_edges_says_what_they_are_of(name, window, said):
    assert window_name(name, *window) == said


def test_a_window_called_by_its_edges_takes_the_name_of_its_phase_and_one_with_a_name_keeps_it():
    assert window_name("0.1 to 0.2", 0.1, 0.2, "density", "critical") == "critical"
    assert window_name("part: 0.1 to 0.2", 0.1, 0.2, "density", "critical") == "part: critical"
    assert window_name("whole", 0.1, 0.2, "density", "critical") == "whole"


def test_a_window_of_one_curve_is_known_by_its_name():
    curves = ("pairflip", "l1, 5 neurons")
    assert owner("pairflip: critical", curves) == ("pairflip", "critical")
    assert owner("bracket of the dip of l1, 5 neurons", curves) == ("l1, 5 neurons", "bracket of the dip")
    assert owner("critical", curves) == (None, "critical")


def test_a_control_of_another_measure_goes_by_that_measure_and_measures_of_one_network_tell_it_apart():
    best, last = (line("accuracy", "mlp", measure=each) for each in ("best_epoch_test_accuracy", "test_accuracy"))
    ours, *_ = curve_names([best, replace(last, name="last accuracy")], [replace(last, name="accuracy")])
    assert labels(ours) == ["best epoch test accuracy", "test accuracy"]
    elsewhere = replace(last, label="another mlp with a setting of many words")
    assert labels(curve_names([best], [elsewhere])[1]) == ["test accuracy"]
