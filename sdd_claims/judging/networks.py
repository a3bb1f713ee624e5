"""Whether the networks that are to be trained fit their images, before any is: an error would stop all trials."""

from sdd_claims.planning import shapes
from sdd_claims.pruning import own as own_criterion
from sdd_claims.spec import RunSpec
from sdd_claims.training import own as own_penalty


def check_network(spec: RunSpec) -> None:
    """Build the network of a run and that of its teacher, without weights; try a criterion or a penalty of the user's.

    Raises:
        InputError: it does not fit its images, or the criterion or the penalty cannot be used on its weights.
    """
    for each in (spec, spec.distillation.teacher):
        if each is not None:
            architecture = shapes.architecture(each)
            sizes = {name: value.shape for name, value in architecture.module.named_parameters()}
            if each.pruning.own:
                own_criterion.check(each.pruning.own, sizes, architecture.prunable)
            if each.training.penalty.own:
                own_penalty.check(each.training.penalty, sizes, architecture.prunable)
