"""Sparse double descent appears with labels that people got wrong; in the full tier only."""

import pytest

from sdd_claims.registration.register import registered
from sdd_claims.registration.trial import Control, Trial
from sdd_claims.spec import NoiseSpec

from .settings import FULL, Setting

CLAIM = registered("quetu2023/sdd_appears_under_human_label_noise")


def trial(setting: Setting) -> Trial:
    clean = {name: spec.but(data={"name": "cifar100"}) for name, spec in setting.networks.items()}
    annotated = {f"{name}, human labels": spec.but(noise=NoiseSpec(kind="human")) for name, spec in clean.items()}
    return Trial(
        CLAIM,
        setting.tier,
        curves=setting.accuracies(annotated),
        rule=setting.dip_under_each(annotated),
        control=Control(
            "the data set's own labels",
            setting.accuracies({f"{name}, human labels": spec for name, spec in clean.items()}),
        ),
        block=setting.block,
        deviations=(
            *setting.deviations,
            "here the wrong labels are the annotators': one draw that all seeds share, but for the images that each "
            "holds out and whose clean labels it keeps; what is said of seeds is of these labels alone",
        ),
    )


@pytest.mark.full(trial(FULL))
def test_full(verdict):
    verdict.check()
