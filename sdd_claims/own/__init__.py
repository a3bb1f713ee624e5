"""A network and data of one's own: a sparsity curve, and claims on trial. `sdd-claims check` is a door to it.

    from sdd_claims import judge, sparsity_curve

    curve = sparsity_curve("my.py:build", (train_images, train_labels, test_images, test_labels))
    verdict = judge("my.py:build", "my.npz")

What is judged here is marked "yours", has a report of its own, and is counted among no paper's claims.
"""

from sdd_claims.own.curve import OwnCurve, sparsity_curve
from sdd_claims.own.judgement import Judgement, judge, planned
from sdd_claims.own.recipe import Recipe
from sdd_claims.own.setting import setting_of

__all__ = ["Judgement", "OwnCurve", "Recipe", "judge", "planned", "setting_of", "sparsity_curve"]
