"""The trials of a user's network: their pilots are those that were asked for, and no control is the claim itself."""

from dataclasses import replace

import pytest

from sdd_claims.registration.own import NAMES, PENALISED, OwnSetting, chosen, own_trials
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.spec import OWN, DataSpec, OwnData
from sdd_claims.stats import Collapse, DipThenRise
from sdd_claims.tests.tiny import SPEC

SETTING = OwnSetting(
    tier="fast",
    levels=7,
    block=1000,
    deviations=(),
    clean=SPEC.but(data=DataSpec(name=OWN, own=OwnData(sha256="0" * 64, shape=(1, 4, 4), classes=2, train_count=60))),
    rate=0.2,
    seeds=12,
    pilots=(0, 1, 2),
    weight_decay=0.01,
)


def test_windows_are_set_by_as_many_pilots_as_were_asked_for():
    waiting = [trial.rule for trial in own_trials(SETTING, NAMES) if isinstance(trial.rule, FromPilots)]
    assert len(waiting) == len(NAMES)
    assert {rule.seeds for rule in waiting} == {(0, 1, 2)}


@pytest.mark.parametrize(("classes", "rate"), [(2, 0.2), (10, 0.4)])
def test_every_dip_is_judged_by_the_collapse_of_these_labels(classes, rate):
    assert SETTING.clean.data.own
    own = replace(SETTING.clean.data.own, classes=classes)
    setting = replace(SETTING, clean=SETTING.clean.but(data=DataSpec(name=OWN, own=own)), rate=rate)
    names = ["sdd_appears_under_label_noise", "four_phases_in_order", "sdd_under_every_retraining"]
    for trial in own_trials(setting, names):
        assert isinstance(trial.rule, FromPilots)
        rule = trial.rule.with_placeholder_windows()
        dips = [part for part in getattr(rule, "parts", {"": rule}).values() if isinstance(part, DipThenRise)]
        assert dips
        assert {dip.collapse for dip in dips} == {Collapse(classes, rate)}


@pytest.mark.parametrize("name", NAMES)
def test_a_control_reads_other_runs_than_the_claim(name):
    (trial,) = own_trials(SETTING, [name])
    read, others = ({(c.spec.digest, c.offset) for c in of.values()} for of in (trial.curves, trial.control_curves))
    assert read != others


def test_the_windows_of_a_penalty_are_those_of_the_network_without_it():
    penalised = replace(SETTING, clean=SPEC.but(training={"penalty": {"name": "l1", "strength": 0.1}}))
    (trial,) = own_trials(penalised, [PENALISED])
    assert isinstance(trial.rule, FromPilots)
    without = {curve.spec.training.penalty.name for curve in trial.rule.pilot_curves().values()}
    assert (without, trial.curves["penalised"].spec.training.penalty.name) == ({"none"}, "l1")
    assert trial.control.curves["penalised"].spec in {curve.spec for curve in trial.rule.pilot_curves().values()}


def test_all_claims_ask_of_a_penalty_only_where_there_is_one():
    assert PENALISED not in chosen("all")
    assert {*chosen("all", penalised=True)} == {*NAMES, PENALISED}


def test_the_distance_of_a_chain_without_noise_is_not_compared_with_itself():
    (trial,) = own_trials(SETTING, ["learning_distance_follows_test_accuracy"])
    assert trial.control_curves["distance"].offset != trial.control_curves["clean distance"].offset
