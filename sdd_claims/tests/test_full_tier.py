"""The full tier is the papers' own settings: the tables of their appendices, written down again."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from claims.he2022.settings import FAST, FULL, LENET, RESNET_CIFAR10, RESNET_CIFAR100
from claims.quetu2023 import settings as quetu2023
from sdd_claims.curves import SparsityCurve
from sdd_claims.pruning.derivations import DERIVATIONS
from sdd_claims.pruning.retraining import Past, finetuning
from sdd_claims.registration.trial import Trial
from sdd_claims.spec import RecordSpec
from sdd_claims.stats import AllOf
from sdd_claims.stats.tests.studies import THRESHOLD

CLAIMS = Path(__file__).parents[2] / "claims"

# He et al. 2022, appendix B: epochs, batch, momentum, learning rate, its drops, weight decay, rewinding iteration, and
# the learning rate of finetuning and re-dense training.
APPENDIX_B = {
    "LeNet-300-100 on MNIST": (200, 128, 0.0, 0.1, (), 0.0, 0, 0.1),
    "ResNet-18 on CIFAR-10": (160, 128, 0.9, 0.1, (80, 120), 1e-4, 1000, 0.001),
    "ResNet-18 on CIFAR-100": (160, 128, 0.9, 0.1, (80, 120), 1e-4, 1000, 0.001),
    "VGG-16 on CIFAR-10": (160, 128, 0.9, 0.1, (80, 120), 1e-4, 2000, 0.001),
    "VGG-16 on CIFAR-100": (160, 128, 0.9, 0.1, (80, 120), 1e-4, 2000, 0.001),
    "ResNet-101 on Tiny ImageNet": (200, 512, 0.9, 0.2, (100, 150), 1e-4, 1000, None),
}
DATA = {"MNIST": "none", "CIFAR-10": "flip_and_shift", "CIFAR-100": "flip_and_shift", "Tiny ImageNet": "crop_and_flip"}

R10, R100, LE = "ResNet-18 on CIFAR-10", "ResNet-18 on CIFAR-100", "LeNet-300-100 on MNIST"
V10, V100, TINY = "VGG-16 on CIFAR-10", "VGG-16 on CIFAR-100", "ResNet-101 on Tiny ImageNet"
# The networks that each claim is judged on, with the rate of noise that the figures named in its source have. Shown on
# CIFAR alone and judged on MNIST too: no_sdd, minima_sharper and, at their three rates, both noise_moves.
FIGURES = {
    "best_epoch_hides_sdd": {R100: 0.4},
    "converged_at_every_sparsity": {LE: 0.2, R10: 0.2, R100: 0.4},
    "converged_at_every_sparsity_at_more_noise": {LE: 0.4},
    "dense_for_as_long": {},  # a question, in the fast tier only
    "distance_declines_beyond_critical": {LE: 0.2},
    "distance_peak_fades_with_batch_norm": {R100: 0.2, R10: 0.2},
    "extreme_sparsity_forgets": {LE: 0.2},
    "four_phases_in_order": {LE: 0.2},
    "generalization_gap_closes_in_sweet_phase": {LE: 0.2, R10: 0.2, R100: 0.2},
    "high_sparsity_beats_dense": {LE: 0.2, R10: 0.2, R100: 0.4},
    "learning_distance_beats_flatness": {LE: 0.2, R10: 0.2},
    "learning_distance_follows_at_other_settings": {LE: 0.2},  # from scratch, and at 0.4 and 0.8
    "learning_distance_follows_test_accuracy": {LE: 0.2, R10: 0.2, R100: 0.2},
    "learning_distance_peaks_at_critical_phase": {LE: 0.2},
    "loss_falls_from_sparse_to_redense": {R100: 0.4, R10: 0.2, LE: 0.2},
    "no_sdd_without_label_noise": {R10: 0.2, R100: 0.2, LE: 0.2},  # of the control
    "noise_moves_critical_phase_denser": {R10: 0.2, LE: 0.2},
    "noise_moves_sweet_phase_sparser": {R10: 0.2, LE: 0.2},
    "pruning_aggravates_overfitting": {LE: 0.2, R10: 0.2},
    "redense_loses_the_sweet_spot": {R100: 0.4, R10: 0.2, LE: 0.2},
    "redense_minima_sharper_when_sparser": {R100: 0.4, R10: 0.2, LE: 0.2},
    "reinitialization_moves_phases_denser": {R10: 0.2, R100: 0.4},
    "reinitialized_networks_show_sdd": {R10: 0.2, R100: 0.4},
    "reinitialized_ticket_can_win": {R10: 0.2, R100: 0.4},
    "sdd_appears_under_label_noise": {LE: 0.2, R10: 0.2, R100: 0.2, V10: 0.2, V100: 0.4, TINY: 0.2},
    "sdd_under_every_noise_type": {R10: 0.2, R100: 0.4},
    "sdd_under_every_pruning_criterion": {R100: 0.4, R10: 0.2, LE: 0.2, V10: 0.2, V100: 0.4},
    "sdd_under_every_pruning_criterion_at_more_noise": {LE: 0.4},
    "sdd_under_every_retraining": {R100: 0.4, R10: 0.2, LE: 0.2},
    "sweet_phase_above_90_percent": {LE: 0.2},  # and at 0.4
}


# The claims of the other papers, each judged in the full tier by one trial, which names no network.
ON_THEIR_OWN = [
    "quetu2023/early_stopping_is_misled",
    "quetu2023/kd_saves_training_cost",
    "quetu2023/kd_student_avoids_sdd",
    "quetu2023/l2_costs_compressibility",
    "quetu2023/l2_does_not_dodge_sdd_for_resnet",
    "quetu2023/l2_smoothens_the_bump",
    "quetu2023/lambda_above_opt_costs_accuracy",
    "quetu2023/lambda_opt_is_monotone",
    "quetu2023/lambda_opt_with_early_stop_saves_training",
    "quetu2023/more_noise_needs_stronger_l2",
    "quetu2023/pruned_teacher_is_best",
    "quetu2023/sdd_appears_across_noise_rates",
    "quetu2023/sdd_appears_under_human_label_noise",
    "quetu2023/strong_l2_narrows_weights",
    "quetu2023/vanilla_student_shows_sdd",
    "zhang2024/fewer_neurons_more_ascents_with_l1",
    "zhang2024/fewer_neurons_more_ascents_with_matrix_norm",
    "zhang2024/learned_kernel_refit",
    "zhang2024/minimum_is_width_invariant_with_l1",
    "zhang2024/minimum_is_width_invariant_with_matrix_norm",
    "zhang2024/penalty_path_sparsifies",
    "zhang2024/sdd_along_the_penalty_path",
    "parhi2021/active_neurons_do_not_grow_with_width",
    "parhi2021/eq2_is_sparser_than_weight_decay",
    "parhi2021/eq2_learns_one_pattern",
    "parhi2021/nonzero_fraction_falls_in_training",
    "parhi2021/one_pattern_after_longer_training",
    "parhi2021/rank_order",
    "parhi2021/small_lambda_interpolates",
    "parhi2021/weight_decay_sparsifies",
]


def full_trials(paper: str, claim: str) -> dict[str, Trial]:
    """The trials that a claim module registers for the full tier, by their network."""
    module = importlib.import_module(f"claims.{paper}.test_{claim}")
    marks = [
        mark for name in ("test_full", "test_full_on") for mark in getattr(vars(module).get(name), "pytestmark", [])
    ]
    cases = [case for mark in marks if mark.name == "parametrize" for case in mark.args[1]]
    trials = [
        mark.args[0] for mark in (*marks, *(mark for case in cases for mark in case.marks)) if mark.name == "full"
    ]
    return {trial.network: trial for trial in trials}


def modules(paper: str) -> list[str]:
    return sorted(path.stem.removeprefix("test_") for path in (CLAIMS / paper).glob("test_*.py"))


HE = {(claim, network): trial for claim in modules("he2022") for network, trial in full_trials("he2022", claim).items()}


@pytest.mark.parametrize("setting", FULL, ids=lambda setting: setting.network)
def test_a_full_setting_is_that_of_the_appendix(setting):
    training, pruning = setting.clean.training, setting.clean.pruning
    optimizer, schedule = training.optimizer, training.schedule
    epochs, batch, momentum, lr, drops, weight_decay, rewind, last = APPENDIX_B[setting.network]
    assert (training.epochs, training.batch_size, optimizer.name) == (epochs, batch, "sgd")
    assert (optimizer.momentum, optimizer.lr, optimizer.weight_decay) == (momentum, lr, weight_decay)
    assert (schedule.name, schedule.milestones, schedule.factor) == ("step" if drops else "constant", drops, 0.1)
    assert (pruning.criterion, pruning.fraction, pruning.rewind_iteration) == ("magnitude", 0.2, rewind)
    assert pruning.retraining == "lottery_ticket_rewinding"
    assert setting.clean.model.initialization == "kaiming_normal"
    assert setting.clean.data.augmentation == DATA[setting.network.partition(" on ")[2]]
    assert setting.clean.data.side == (32 if setting.network == TINY else None)
    assert setting.noisy().noise.kind == "symmetric_permute"
    assert setting.rates == (0.2, 0.4, 0.8)
    if last is not None:
        for start in (finetuning, DERIVATIONS["redense"].start, DERIVATIONS["same_mask"].start):
            begun = start(setting.clean, Past({}, {"w": torch.ones(1)}, dict))
            assert begun.training.optimizer.lr == pytest.approx(last)
            assert (begun.training.epochs, begun.training.schedule.name, begun.iteration) == (epochs, "constant", 0)


def test_every_network_of_the_paper_has_a_setting_of_its_own():
    assert [setting.network for setting in FULL] == list(APPENDIX_B)
    assert len({setting.clean.digest for setting in FULL}) == len(FULL)


def test_every_claim_is_judged_on_the_networks_of_its_figures_the_main_one_first():
    judged = {claim: list(full_trials("he2022", claim)) for claim in modules("he2022")}
    assert judged == {claim: list(networks) for claim, networks in FIGURES.items()}


@pytest.mark.parametrize(("claim", "network"), HE, ids="-".join)
def test_a_claim_is_judged_at_the_noise_of_its_figures(claim, network):
    rates = {curve.spec.noise.rate for curve in HE[claim, network].all_curves} - {0.0}
    if claim == "distance_peak_fades_with_batch_norm":
        assert rates == {0.2}
    elif claim.startswith("noise_moves") or claim == "learning_distance_follows_at_other_settings":
        assert rates == {0.2, 0.4, 0.8}
    elif claim == "sweet_phase_above_90_percent":
        assert rates == {0.2, 0.4}
    else:
        assert rates == {FIGURES[claim][network]}


@pytest.mark.parametrize(("claim", "network"), HE, ids="-".join)
def test_a_trial_says_at_which_rate_of_noise_it_is_judged(claim, network):
    trial = HE[claim, network]
    rates = {curve.spec.noise.rate for curve in trial.curves.values()} - {0.0}
    if claim == "no_sdd_without_label_noise":
        assert not rates
    elif claim.startswith("noise_moves"):
        assert "rates of label noise: 20%, 40%, 80%, compared by one slope" in " ".join(trial.deviations)
    elif claim == "sweet_phase_above_90_percent":
        assert "at 20 and 40 % noise" in " ".join(trial.deviations)
    elif claim == "learning_distance_follows_at_other_settings":
        assert "judged at 40 and 80 % noise, and trained from scratch at 20 %" in trial.deviations
    else:
        (rate,) = rates
        assert f"judged at {100 * rate:g} % noise; figures at other rates are not judged" in trial.deviations


@pytest.mark.parametrize(("claim", "network"), HE, ids="-".join)
def test_a_claim_is_judged_on_its_network_to_the_last_level(claim, network):
    trial = HE[claim, network]
    (setting,) = (setting for setting in FULL if setting.network == network)
    for curve in trial.curves.values():
        assert (curve.spec.data, curve.spec.model) == (setting.clean.data, setting.clean.model)
        assert curve.levels == (setting.to_extreme if claim == "extreme_sparsity_forgets" else setting.levels)
        assert curve.spec.training.precision == setting.clean.training.precision != "float32"
    foreseen_open = (claim, network) == ("four_phases_in_order", LENET.network)  # by the seeds of another block
    assert trial.expected == ("inconclusive" if foreseen_open else "supported")
    assert not trial.proxy


@pytest.mark.parametrize("setting", FULL, ids=lambda setting: setting.network)
def test_weights_of_every_level_are_kept_where_something_is_derived_from_them_and_nowhere_else(setting):
    specs = [curve.spec for trial in HE.values() for curve in trial.all_curves if curve.spec.data == setting.clean.data]
    specs = [spec for spec in specs if spec.model == setting.clean.model]
    kept = {spec.parent or spec for spec in specs if spec.record.weights == "every_level"}
    assert kept == {spec.parent for spec in specs if spec.parent}


def test_the_names_under_which_the_ledger_keeps_full_trials_stay():
    papers = ("he2022", "quetu2023", "zhang2024", "parhi2021")
    trials = [t for paper in papers for claim in modules(paper) for t in full_trials(paper, claim).values()]
    named = {(f"he2022/{claim}", "full", network) for claim, networks in FIGURES.items() for network in networks}
    alone = {(claim, "full", "") for claim in ON_THEIR_OWN}
    of_lenet = ("quetu2023/lambda_opt_is_monotone", "full", "LeNet-300-100 on MNIST")
    assert {trial.key for trial in trials} == named | alone | {of_lenet}
    assert len(trials) == 65 + 30 + 1


def test_learning_rate_rewinding_is_a_run_of_its_own_where_the_learning_rate_falls():
    for setting, runs in ((FAST, 3), (LENET, 3), (RESNET_CIFAR10, 4), (RESNET_CIFAR100, 4)):
        ways = setting.by_retraining(setting.noisy())
        assert len({spec.digest for spec in ways.values()}) == runs
        assert [spec.pruning.retraining for spec in ways.values()][::3] == ["lottery_ticket_rewinding", "scratch"]


def test_another_rate_than_that_of_most_figures_is_recorded_without_detail():
    other = RESNET_CIFAR100.at(0.2)
    assert (other.noisy().noise.rate, other.noisy().record) == (0.2, RecordSpec())
    assert other.noisy() == RESNET_CIFAR100.noisy(0.2)
    assert RESNET_CIFAR100.noisy() == RESNET_CIFAR100.noisy(0.4) != RESNET_CIFAR100.at(0.4).noisy()


def test_the_other_papers_train_as_their_texts_and_codes_say():
    resnet, vit = (quetu2023.FULL.networks[name].training for name in ("ResNet-18", "ViT"))
    assert (resnet.epochs, resnet.batch_size, resnet.schedule.milestones) == (160, 128, (80, 120))
    assert (resnet.optimizer.lr, resnet.optimizer.momentum, resnet.optimizer.weight_decay) == (0.1, 0.9, 1e-4)
    assert (vit.epochs, vit.batch_size, vit.schedule.name) == (200, 512, "cosine")
    assert (vit.optimizer.name, vit.optimizer.lr, vit.optimizer.weight_decay) == ("adamw", 1e-4, 0.03)
    for trial in (trial for claim in modules("quetu2023") for trial in full_trials("quetu2023", claim).values()):
        for curve in trial.all_curves:
            on_cifar, training = curve.spec.data.name.startswith("cifar"), curve.spec.training
            assert curve.spec.data.augmentation == ("flip_and_shift" if on_cifar else "none")
            on_lenet = "float32" if training.arithmetic == "portable" else "tf32"
            assert training.precision == ("bfloat16" if on_cifar else on_lenet)
    for paper in ("zhang2024", "parhi2021"):
        for claim in modules(paper):
            (trial,) = full_trials(paper, claim).values()
            assert {curve.spec.training.precision for curve in trial.all_curves} == {"float32"}


LEVELS = np.arange(30)


def of_table(name, picks):
    """Curves of twelve seeds that have an accuracy at some levels, each better by validation than all before it."""
    noise = 0.001 * np.random.default_rng(len(name)).standard_normal((12, 1))
    accuracy = np.full(30, 0.5)
    validation = accuracy - 0.1
    for level, value in picks.items():
        accuracy[level] = validation[level] = value
    curves = {"accuracy": accuracy + noise, "validation": validation + noise, "training": np.tile(1e15, (12, 30))}
    axis = 0.8**LEVELS
    return {
        f"{name}, {what}": SparsityCurve(tuple(range(12)), axis, np.broadcast_to(values, (12, 30)))
        for what, values in curves.items()
    }


# Sparsity .8^level and accuracy of Tables 1 and 2.
TABLES = {
    "kd_saves_training_cost": {
        "vanilla": {2: 0.6023, 25: 0.7452},
        "dense teacher": {22: 0.8152},
        "pruned teacher": {22: 0.8689},
    },
    "lambda_opt_with_early_stop_saves_training": {"vanilla": {14: 0.6807, 22: 0.7447}, "lambda_opt": {9: 0.7148}},
}


@pytest.mark.parametrize("claim", TABLES)
def test_what_a_table_of_the_paper_says_would_be_supported(claim):
    (trial,) = full_trials("quetu2023", claim).values()
    study = {name: curve for row, picks in TABLES[claim].items() for name, curve in of_table(row, picks).items()}
    assert isinstance(trial.rule, AllOf)
    assert trial.rule.evaluate(study, THRESHOLD).p < THRESHOLD


def test_a_claim_has_one_sentence_on_all_its_networks():
    for claim in modules("he2022"):
        assert len({trial.claim for trial in full_trials("he2022", claim).values()}) == bool(FIGURES[claim])
