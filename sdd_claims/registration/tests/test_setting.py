from dataclasses import replace

from sdd_claims.registration.setting import ChainSetting
from sdd_claims.tests.tiny import trial_named

SETTING = ChainSetting(tier="fast", levels=2, block=11000, later={"changed": 15000}, deviations=())


def test_a_claim_whose_trial_has_changed_is_judged_by_a_block_of_its_own():
    claim = trial_named("unchanged").claim
    assert SETTING.block_of(claim) == 11000
    assert SETTING.block_of(replace(claim, name="changed")) == 15000
