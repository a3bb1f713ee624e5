"""At 40 % label noise, too, the second rise is no artefact of training that was stopped too early.

Rule and control, training cut short, are those of the claim at 20 %.
"""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.setting import full_on
from sdd_claims.registration.trial import Trial

from .settings import FAST, LENET, Setting
from .test_converged_at_every_sparsity import trial as converged

CLAIM = registered("he2022/converged_at_every_sparsity_at_more_noise")


def trial(setting: Setting) -> Trial:
    return converged(setting, CLAIM, 0.4)


@pytest.mark.fast(trial(FAST))
def test_fast(verdict):
    verdict.check()


@full_on(trial, LENET)
def test_full(verdict):
    verdict.check()
