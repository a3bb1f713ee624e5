"""The digest is the key of every stored result: it must move when a setting moves, and never otherwise."""

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import reduce
from operator import attrgetter
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdd_claims.errors import InputError
from sdd_claims.spec import (
    STAND_IN,
    Criterion,
    DataName,
    DataSpec,
    DerivationKind,
    DerivationSpec,
    DistillationSpec,
    ModelSpec,
    NoiseKind,
    NoiseSpec,
    OptimizerSpec,
    OwnCallable,
    OwnData,
    OwnNetwork,
    PathSpec,
    PenaltySpec,
    PruningSpec,
    RecordSpec,
    RetrainingMethod,
    RunSpec,
    ScheduleSpec,
    TrainingSpec,
    TransformerSpec,
    canonical_json,
    run_of,
)
from sdd_claims.spec import digest as digest_module


def made(spec: Any, /, **settings: Any) -> Any:
    """A spec of names that a type checker would not let through."""
    return spec(**settings)


NOISE_KINDS: tuple[NoiseKind, ...] = ("symmetric_permute", "symmetric_always_wrong", "asymmetric", "pairflip")

EVERYTHING = RunSpec(
    data=DataSpec(name="mnist", side=14, train_size=1000, validation_size=200),
    noise=NoiseSpec(kind="pairflip", rate=0.2),
    model=ModelSpec(name="conv", hidden=(), channels=(16, 32), batch_norm=True, initialization="pytorch"),
    training=TrainingSpec(
        epochs=60,
        batch_size=64,
        optimizer=OptimizerSpec(name="sgd", lr=0.05, momentum=0.9, weight_decay=1e-4),
        schedule=ScheduleSpec(name="step", milestones=(30, 45), factor=0.5),
        penalty=PenaltySpec(name="l1", strength=1e-5),
        loss="mean_squared_error",
    ),
    pruning=PruningSpec(
        criterion="magnitude", fraction=0.36, retraining="lottery_ticket_rewinding", rewind_iteration=100
    ),
    record=RecordSpec(epoch_images=500, directions=3, weights="every_level"),
    derivation=DerivationSpec(kind="reinitialized", draw=2),
)
"""A setting of every spec away from its default, but for those that cannot stand beside what is derived."""

LENIENT = EVERYTHING.but(
    model={"name": "mlp", "hidden": (128, 64), "channels": (), "batch_norm": False},
    training={"optimizer": {"momentum": 0.0}, "schedule": {"name": "constant", "milestones": ()}},
    derivation=DerivationSpec(),
)
"""Names of the optimizer and the schedule, the penalty's step, and what is kept, can change here by themselves."""

FACTORED = LENIENT.but(model={"name": "relu_network", "functional_width": 4})
TRANSFORMER = LENIENT.but(
    model={
        "name": "vit",
        "hidden": (),
        "transformer": TransformerSpec(patch=7, width=48, depth=2, heads=6, mlp=64, dropout=0.0),
    }
)
TEACHER = LENIENT.but(noise={"rate": 0.1})
TAUGHT = LENIENT.but(distillation=DistillationSpec(alpha=0.8, temperature=10, teacher=TEACHER))
CHOSEN = TAUGHT.but(distillation={"teacher_level": "best_validation", "teacher_levels": 5})
OWN_NETWORK = OwnNetwork(function="build", source="ab", versions="torch 2.9.0", prunable=("0.weight",), file="/a/my.py")
OWN_DATA = OwnData(sha256="cd", shape=(1, 8, 8), classes=10, train_count=100, file="/a/cd.npz", label="my.npz")
OWN = LENIENT.but(
    data=DataSpec(name="own", own=OWN_DATA),
    model=ModelSpec(name="own", hidden=(), initialization="pytorch", own=OWN_NETWORK),
)
OWN_CALLABLE = OwnCallable(function="score", source="ef", versions="torch 2.9.0", file="/a/my.py")
PENALISED = EVERYTHING.but(training={"penalty": {"name": "own", "own": OWN_CALLABLE}})
PRUNED = EVERYTHING.but(pruning={"criterion": "own", "own": OWN_CALLABLE})
PATH = RunSpec(
    training=TrainingSpec(epochs=60, penalty=PenaltySpec(name="l1")),
    pruning=PruningSpec(criterion="none"),
    path=PathSpec(over="penalty_strength", values=(0, 1, 60)),
)
"""What it leads over can change here by itself."""


def names(of: Any) -> st.SearchStrategy[str]:
    return st.sampled_from(get_args(of))


positive = st.floats(0, exclude_min=True, allow_infinity=False)
below_one = st.floats(0, 1, exclude_min=True, exclude_max=True)
whole = st.integers(1, 10**9)
transformers = st.integers(1, 12).flatmap(
    lambda heads: st.builds(
        TransformerSpec,
        patch=whole,
        width=st.integers(1, 99).map(lambda per_head: heads * per_head),
        depth=whole,
        heads=st.just(heads),
        mlp=whole,
        dropout=st.floats(0, 1, exclude_max=True),
    )
)

own_networks = st.builds(
    OwnNetwork,
    function=st.text(max_size=3),
    source=st.text(max_size=3),
    versions=st.text(max_size=3),
    prunable=st.lists(st.text(max_size=3)).map(tuple),
    default_weights=st.booleans(),
    file=st.text(max_size=3),
)
own_callables = st.builds(
    OwnCallable,
    function=st.text(max_size=3),
    source=st.text(max_size=3),
    versions=st.text(max_size=3),
    file=st.text(max_size=3),
)
own_data = st.builds(
    OwnData,
    sha256=st.text(max_size=3),
    shape=st.lists(whole, max_size=3).map(tuple),
    classes=whole,
    train_count=whole,
    file=st.text(max_size=3),
    label=st.text(max_size=3),
)

CHANGES: dict[str, tuple[RunSpec, st.SearchStrategy[Any]]] = {
    "data.name": (EVERYTHING, names(DataName) | names(DataName).map(STAND_IN.__add__)),
    "data.side": (EVERYTHING, st.none() | whole),
    "data.train_size": (EVERYTHING, st.none() | whole),
    "data.validation_size": (EVERYTHING, st.integers(0, 10**9)),
    "data.augmentation": (EVERYTHING, st.sampled_from(["none", "flip_and_shift", "crop_and_flip"])),
    "data.own": (OWN, own_data),
    "noise.kind": (EVERYTHING, st.sampled_from(NOISE_KINDS)),
    "noise.rate": (EVERYTHING, st.floats(0, 1, exclude_min=True)),
    "model.name": (LENIENT, st.sampled_from(["mlp", "relu_network"])),
    "model.hidden": (LENIENT, st.lists(whole, min_size=1, max_size=4).map(tuple)),
    "model.channels": (EVERYTHING, st.lists(whole, min_size=1, max_size=4).map(tuple)),
    "model.batch_norm": (EVERYTHING, st.booleans()),
    "model.functional_width": (FACTORED, st.integers(0, 10**9)),
    "model.transformer": (TRANSFORMER, transformers),
    "model.initialization": (EVERYTHING, st.sampled_from(["kaiming_normal", "pytorch", "uniform"])),
    "model.own": (OWN, own_networks),
    "training.epochs": (EVERYTHING, whole),
    "training.batch_size": (EVERYTHING, whole),
    "training.optimizer.name": (LENIENT, st.sampled_from(["sgd", "adam", "adamw"])),
    "training.optimizer.lr": (EVERYTHING, positive),
    "training.optimizer.momentum": (EVERYTHING, st.floats(0, 1, exclude_max=True)),
    "training.optimizer.weight_decay": (EVERYTHING, st.just(0.0) | positive),
    "training.schedule.name": (LENIENT, st.sampled_from(["constant", "cosine"])),
    "training.schedule.milestones": (EVERYTHING, st.sets(whole, min_size=1).map(lambda s: tuple(sorted(s)))),
    "training.schedule.factor": (EVERYTHING, st.floats(allow_nan=False, allow_infinity=False)),
    "training.penalty.name": (EVERYTHING, st.sampled_from(["l1", "l2", "matrix_norm", "rbv2"])),
    "training.penalty.strength": (EVERYTHING, st.just(0.0) | positive),
    "training.penalty.step": (LENIENT, st.sampled_from(["gradient", "proximal"])),
    "training.penalty.own": (PENALISED, own_callables),
    "training.loss": (EVERYTHING, st.sampled_from(["cross_entropy", "mean_squared_error"])),
    "training.precision": (EVERYTHING, st.sampled_from(["float32", "tf32", "bfloat16"])),
    "training.arithmetic": (EVERYTHING, st.sampled_from(["native", "portable"])),
    "pruning.criterion": (EVERYTHING, names(Criterion).filter(lambda name: name != "own")),
    "pruning.fraction": (EVERYTHING, below_one),
    "pruning.retraining": (EVERYTHING, names(RetrainingMethod)),
    "pruning.rewind_iteration": (EVERYTHING, st.integers(0, 10**9)),
    "pruning.own": (PRUNED, own_callables),
    "record.epoch_images": (EVERYTHING, st.integers(0, 10**9)),
    "record.directions": (EVERYTHING, st.integers(0, 10**9)),
    "record.weights": (LENIENT, st.sampled_from(["newest", "every_level"])),
    "derivation.kind": (EVERYTHING, names(DerivationKind).filter(lambda name: name != "none")),
    "derivation.draw": (EVERYTHING, whole),
    "derivation.from_level": (EVERYTHING, st.integers(0, 10**9)),
    "distillation.alpha": (TAUGHT, st.floats(0, 1)),
    "distillation.temperature": (TAUGHT, positive),
    "distillation.teacher": (TAUGHT, st.sampled_from([TEACHER, LENIENT, TEACHER.but(model={"hidden": (8,)})])),
    "distillation.teacher_level": (TAUGHT, st.sampled_from(["dense", "best_validation"])),
    "distillation.teacher_levels": (CHOSEN, whole),
    "path.over": (PATH, st.sampled_from(["penalty_strength", "epochs", "ridge_refit", "lasso_refit"])),
    "path.values": (PATH, st.sets(st.just(0.0) | positive, min_size=3).map(lambda s: tuple(sorted(s)))),
}


def leaves(spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(spec):
        value = getattr(spec, each.name)
        inner = leaves(value) if is_dataclass(value) else {"": value}
        found |= {f"{each.name}.{path}".rstrip("."): leaf for path, leaf in inner.items()}
    return found


def with_setting(spec: RunSpec, path: str, value: Any) -> RunSpec:
    *outer, last = path.split(".")
    return spec.but(**reduce(lambda inner, name: {name: inner}, reversed(outer), {last: value}))


def test_golden_digests():
    """A change here re-keys every stored result: raise SCHEMA or PIPELINE and mean it."""
    assert RunSpec().digest == "4f9df205e2d12170871248f1309cb8a6c57109529edfdac0aab6c59f7678a158"
    assert EVERYTHING.digest == "4fdf348ae1249b66451152c13b3f68f657014dc910e6275b3daec00a5b0cda36"
    assert TAUGHT.digest == "2c09ec7be8e77e8dd92c9251ce4550e400cbae82aec2abdf0c5ed2b168f7a4bb"
    assert OWN.digest == "6a19fc050fffaba4512c241995e2db624cd9f30dc985a55a7ce48dca070c4149"
    assert PATH.digest == "b1e4c0069af63454aaeaf8df15bb549bbd2ae85eb88917474b8f997a4a1e0cbd"
    assert (
        RunSpec(pruning=PruningSpec(criterion="none")).digest
        == "08e6d21046a39c20f2112225cf2514fd78bf6ec7a400b4a998d0d31f59e659c5"
    )
    assert (
        RunSpec(training=TrainingSpec(optimizer=OptimizerSpec(name="adamw", lr=1e-3))).digest
        == "c82853494dd203d9f7d0b5f93141e8bdd7379edab1b397ac3750755c6e042e58"
    )


def test_the_canonical_text_of_the_defaults():
    assert canonical_json(RunSpec().as_dict()) == (
        '{"data":{"name":"mnist_small","side":null,"train_size":null,"validation_size":0},"derivation":{"draw":1,'
        '"kind":"none"},"distillation":{"alpha":0.0,"teacher":null,"teacher_level":"dense","teacher_levels":1,'
        '"temperature":1.0},"model":{"batch_norm":false,"channels":[],"functional_width":0,"hidden":[300,100],'
        '"initialization":"kaiming_normal","name":"mlp","transformer":null},"noise":{"kind":"none","rate":0.0},'
        '"path":{"over":"none","values":[]},"pipeline":1,"pruning":{"criterion":"magnitude","fraction":0.2,'
        '"retraining":"lottery_ticket_rewinding","rewind_iteration":0},"record":{"directions":0,"epoch_images":0,'
        '"weights":"newest"},"schema":3,"training":{"batch_size":128,"epochs":200,"loss":"cross_entropy",'
        '"optimizer":{"lr":0.1,"momentum":0.0,"name":"sgd","weight_decay":0.0},"penalty":{"name":"none",'
        '"step":"gradient","strength":0.0},"schedule":{"factor":0.1,"milestones":[],"name":"constant"}}}'
    )


@pytest.mark.parametrize("name", digest_module.OMITTED_FROM_DIGEST_AT)
def test_a_later_setting_is_left_out_at_the_value_that_runs_had_before_it_and_not_at_its_default(name, monkeypatch):
    spec = OWN if hasattr(OWN_NETWORK, name) else RunSpec()
    assert f'"{name}":' not in canonical_json(spec.as_dict())
    monkeypatch.setitem(digest_module.OMITTED_FROM_DIGEST_AT, name, "something else")
    assert f'"{name}":' in canonical_json(spec.as_dict())


def test_every_setting_is_among_those_whose_change_is_tested():
    assert set(CHANGES) == set(leaves(RunSpec()))


@pytest.mark.parametrize("path", CHANGES)
@settings(max_examples=40)
@given(data=st.data())
def test_two_values_of_a_setting_share_a_digest_only_if_they_are_equal(path, data):
    base, values = CHANGES[path]
    one, other = (with_setting(base, path, data.draw(values)) for _ in range(2))
    setting = attrgetter(path)
    assert (one.digest == other.digest) == (setting(one) == setting(other)) == (one == other)


@pytest.mark.parametrize(
    "change",
    [
        {"patch": 8},
        {"width": 96},
        {"depth": 3},
        {"heads": 4},
        {"mlp": 65},
        {"dropout": 0.1},
    ],
)
def test_every_size_of_a_transformer_is_part_of_the_digest(change):
    assert TRANSFORMER.but(model={"transformer": change}).digest != TRANSFORMER.digest


@given(network=own_networks, data=own_data, criterion=own_callables, place=st.text(max_size=3))
def test_where_own_files_lie_and_what_they_are_called_is_no_part_of_the_digest(network, data, criterion, place):
    own = OWN.but(
        pruning={"criterion": "own", "own": criterion}, training={"penalty": {"name": "own", "own": criterion}}
    )
    spec = own.but(model={"own": network}, data={"own": data})
    moved = own.but(
        model={"own": replace(network, file=place)},
        data={"own": replace(data, file=place, label=place)},
        pruning={"own": replace(criterion, file=place)},
        training={"penalty": {"own": replace(criterion, file=place)}},
    )
    assert moved == spec
    assert moved.digest == spec.digest


@pytest.mark.parametrize("number", ["SCHEMA", "PIPELINE"])
def test_schema_and_pipeline_numbers_are_part_of_the_digest(number, monkeypatch):
    before = RunSpec().digest
    monkeypatch.setattr(digest_module, number, 1000)
    assert RunSpec().digest != before


@given(whole_number=st.integers(0, 2**53))
def test_a_whole_number_shares_the_digest_of_its_float(whole_number):
    one, other = (
        RunSpec(training=TrainingSpec(optimizer=OptimizerSpec(weight_decay=value)))
        for value in (whole_number, float(whole_number))
    )
    assert one == other
    assert one.digest == other.digest


def test_minus_zero_shares_the_digest_of_zero():
    assert RunSpec(noise=NoiseSpec(rate=-0.0)).digest == RunSpec().digest


def test_a_list_of_widths_is_the_tuple_of_widths():
    listed = ModelSpec(hidden=[300, 100])  # type: ignore[arg-type]
    assert listed == ModelSpec()
    assert hash(listed) == hash(ModelSpec())


def test_a_spec_built_in_two_ways_is_one_spec():
    changed = RunSpec().but(noise={"kind": "pairflip", "rate": 0.2}, training={"optimizer": {"lr": 1}})
    built = RunSpec(training=TrainingSpec(optimizer=OptimizerSpec(lr=1.0)), noise=NoiseSpec(rate=0.2, kind="pairflip"))
    assert changed == built
    assert changed.digest == built.digest


@pytest.mark.parametrize("path", CHANGES)
@settings(max_examples=20)
@given(data=st.data())
def test_a_run_is_read_from_the_text_that_its_digest_is_made_of(path, data):
    base, values = CHANGES[path]
    spec = with_setting(base, path, data.draw(values))
    assert run_of(canonical_json(spec.as_dict())).digest == spec.digest


def test_a_number_that_no_float_holds_is_refused():
    with pytest.raises(InputError, match=r"OptimizerSpec.lr must be a finite number, got 1000000"):
        OptimizerSpec(lr=10**400)
    text = canonical_json(RunSpec().as_dict()).replace('"lr":0.1', f'"lr":{"9" * 400}')
    with pytest.raises(InputError, match=r"the settings of a run cannot be read .*too large for a number"):
        run_of(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_canonical_json_refuses_what_json_cannot_say(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"value": value})


@given(content=st.dictionaries(st.text(min_size=1, max_size=20), st.integers() | st.text() | st.none()))
def test_canonical_json_does_not_depend_on_the_order_of_keys(content):
    assert canonical_json(content) == canonical_json(dict(reversed(content.items())))


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: DataSpec(train_size=0), "DataSpec.train_size must be at least 1, or None for all, got 0"),
    (lambda: DataSpec(side=7.5), "DataSpec.side must be a whole number or None, got 7.5"),  # type: ignore[arg-type]
    (lambda: DataSpec(name=None), "DataSpec.name must be a name, got None"),  # type: ignore[arg-type]
    (lambda: NoiseSpec(kind="pairflip", rate=1.01), "NoiseSpec.rate must be between 0 and 1, got 1.01"),
    (lambda: NoiseSpec(kind="pairflip", rate=-0.1), "NoiseSpec.rate must be between 0 and 1, got -0.1"),
    (lambda: NoiseSpec(kind="pairflip", rate=float("nan")), "NoiseSpec.rate must be a finite number, got nan"),
    (lambda: NoiseSpec(kind="pairflip"), "NoiseSpec.rate must be 0 for kinds 'none' and 'human', above 0 for every"),
    (lambda: NoiseSpec(kind="human", rate=0.4), "NoiseSpec.rate must be 0 for kinds 'none' and 'human'"),
    (
        lambda: NoiseSpec(rate=0.2),
        "NoiseSpec.rate must be 0 for kinds 'none' and 'human', above 0 for every other, got 0.2",
    ),
    (lambda: NoiseSpec(rate=True), "NoiseSpec.rate must be a finite number, got True"),
    (lambda: ModelSpec(hidden=(300, 0)), "ModelSpec.hidden must be positive whole widths, got (300, 0)"),
    (lambda: ModelSpec(hidden=(1.5,)), "ModelSpec.hidden must be a tuple of whole numbers"),  # type: ignore[arg-type]
    (lambda: ModelSpec(hidden=(True,)), "ModelSpec.hidden must be a tuple of whole numbers, got (True,)"),
    (lambda: ModelSpec(hidden=300), "ModelSpec.hidden must be a tuple of whole numbers"),  # type: ignore[arg-type]
    (lambda: ModelSpec(name="conv"), "ModelSpec.hidden must be () for 'conv', which has no hidden widths"),
    (lambda: ModelSpec(name="vit"), "ModelSpec.hidden must be () for 'vit', which has no hidden widths"),
    (
        lambda: ModelSpec(name="conv", hidden=()),
        "ModelSpec.channels must be given for 'conv' and 'vgg_like' only, got ()",
    ),
    (lambda: ModelSpec(channels=(4,)), "ModelSpec.channels must be given for 'conv' and 'vgg_like' only, got (4,)"),
    (
        lambda: EVERYTHING.but(model={"channels": (4, 0)}),
        "ModelSpec.channels must be positive whole widths, got (4, 0)",
    ),
    (lambda: ModelSpec(batch_norm=True), "ModelSpec.batch_norm must be False for 'mlp', got True"),
    (lambda: ModelSpec(name="resnet18", hidden=()), "ModelSpec.batch_norm must be True for 'resnet18', got False"),
    (lambda: ModelSpec(name="vgg_like", hidden=(), channels=(4,)), "ModelSpec.batch_norm must be True for 'vgg_like'"),
    (
        lambda: FACTORED.but(model={"functional_width": -1}),
        "ModelSpec.functional_width must be at least 0, got -1",
    ),
    (
        lambda: ModelSpec(name="relu_network", hidden=(9,), functional_width=2),
        "ModelSpec.functional_width must be 0 but for a deep 'relu_network', got 2",
    ),
    (lambda: ModelSpec(functional_width=2), "ModelSpec.functional_width must be 0 but for a deep 'relu_network'"),
    (lambda: ModelSpec(transformer=TransformerSpec()), "ModelSpec.transformer must be given for 'vit' only"),
    (lambda: ModelSpec(name="vit", hidden=()), "ModelSpec.transformer must be given for 'vit' only, got None"),
    (lambda: made(NoiseSpec, kind="symetric", rate=0.2), "got 'symetric' (did you mean 'symmetric_permute'?)"),
    (lambda: made(NoiseSpec, kind="pairflipp", rate=0.2), "got 'pairflipp' (did you mean 'pairflip'?)"),
    (lambda: made(ModelSpec, name="resnet19"), "got 'resnet19' (did you mean 'resnet18'?)"),
    (lambda: made(ModelSpec, name="perceiver"), "ModelSpec.name must be one of mlp, conv, vgg_like, vgg16, resnet18"),
    (lambda: made(PruningSpec, criterion="magnitud"), "got 'magnitud' (did you mean 'magnitude'?)"),
    (lambda: made(PruningSpec, retraining="lotery"), "(did you mean 'lottery_ticket_rewinding'?)"),
    (lambda: made(DerivationSpec, kind="redens"), "got 'redens' (did you mean 'redense'?)"),
    (lambda: DataSpec(name="mnst"), "got 'mnst' (did you mean 'mnist'?)"),
    (lambda: DataSpec(name="stand_in:mnst"), "got 'stand_in:mnst' (did you mean 'mnist'?)"),
    (lambda: made(DataSpec, name=["mnist"]), "DataSpec.name must be a name, got ['mnist']"),
    (lambda: made(NoiseSpec, kind=None), "NoiseSpec.kind must be one of none, symmetric_permute"),
    (lambda: ModelSpec(name="relu_network", hidden=()), "ModelSpec.hidden must be one width or more, got ()"),
    (lambda: TRANSFORMER.but(model={"initialization": "uniform"}), "must be 'pytorch' for a ViT"),
    (lambda: ModelSpec(own=OWN_NETWORK), "ModelSpec.own must be given for 'own' only"),
    (lambda: OWN.but(model={"own": None}), "ModelSpec.own must be given for 'own' only, got None"),
    (lambda: OWN.but(model={"initialization": "uniform"}), "must be 'pytorch' for a ViT or a network of one's own"),
    (lambda: PruningSpec(own=OWN_CALLABLE), "PruningSpec.own must be given for 'own' only"),
    (lambda: PruningSpec(criterion="own"), "PruningSpec.own must be given for 'own' only, got None"),
    (lambda: DataSpec(own=OWN_DATA), "DataSpec.own must be given for 'own' only"),
    (lambda: DataSpec(name="own"), "DataSpec.own must be given for 'own' only, got None"),
    (lambda: OWN.but(data={"side": 4}), "DataSpec.own must be given without side and augmentation"),
    (
        lambda: made(OwnNetwork, function="build", source="ab", versions="", prunable=(1,)),
        "OwnNetwork.prunable must be a tuple of names, got (1,)",
    ),
    (lambda: ModelSpec(hidden=()), "without hidden layers has only its last, which is never pruned"),
    (
        lambda: made(ModelSpec, initialization="zero"),
        "ModelSpec.initialization must be one of kaiming_normal",
    ),
    (lambda: TransformerSpec(depth=0), "TransformerSpec.depth must be at least 1, got 0"),
    (lambda: TransformerSpec(width=12), "TransformerSpec.width must be a multiple of the 8 heads, got 12"),
    (lambda: TransformerSpec(dropout=1), "TransformerSpec.dropout must be at least 0 and below 1, got 1.0"),
    (lambda: ModelSpec(batch_norm=1), "ModelSpec.batch_norm must be True or False, got 1"),  # type: ignore[arg-type]
    (lambda: made(OptimizerSpec, name="lion"), "OptimizerSpec.name must be one of sgd, adam, adamw, got 'lion'"),
    (lambda: OptimizerSpec(lr=0), "OptimizerSpec.lr must be above 0, got 0.0"),
    (lambda: OptimizerSpec(lr=float("inf")), "OptimizerSpec.lr must be a finite number, got inf"),
    (lambda: OptimizerSpec(lr="0.1"), "OptimizerSpec.lr must be a finite number"),  # type: ignore[arg-type]
    (lambda: OptimizerSpec(momentum=1), "OptimizerSpec.momentum must be at least 0 and below 1, got 1.0"),
    (lambda: OptimizerSpec(name="adam", momentum=0.9), "OptimizerSpec.momentum must be 0 for Adam"),
    (lambda: OptimizerSpec(weight_decay=-1e-4), "OptimizerSpec.weight_decay must be at least 0, got -0.0001"),
    (
        lambda: made(ScheduleSpec, name="linear"),
        "ScheduleSpec.name must be one of constant, step, cosine, got",
    ),
    (lambda: ScheduleSpec(name="step"), "ScheduleSpec.milestones must be given for 'step' and only for it, got ()"),
    (lambda: ScheduleSpec(milestones=(3,)), "ScheduleSpec.milestones must be given for 'step' and only for it"),
    (lambda: ScheduleSpec(name="step", milestones=(3, 2)), "ScheduleSpec.milestones must be rising epochs above 0"),
    (lambda: ScheduleSpec(name="step", milestones=(0, 2)), "ScheduleSpec.milestones must be rising epochs above 0"),
    (
        lambda: made(PenaltySpec, name="nuclear", strength=1),
        "PenaltySpec.name must be one of none, off, l1, l2",
    ),
    (
        lambda: made(PenaltySpec, name="l1", step="newton"),
        "PenaltySpec.step must be one of gradient, proximal, got",
    ),
    (
        lambda: PenaltySpec(name="l2", step="proximal"),
        "PenaltySpec.step must be 'gradient' for all penalties but 'l1', got 'proximal'",
    ),
    (
        lambda: LENIENT.but(training={"penalty": {"step": "proximal"}, "optimizer": {"momentum": 0.9}}),
        "TrainingSpec.penalty must be taken by 'gradient' but for plain SGD",
    ),
    (
        lambda: LENIENT.but(training={"penalty": {"step": "proximal"}, "optimizer": {"name": "adam"}}),
        "TrainingSpec.penalty must be taken by 'gradient' but for plain SGD",
    ),
    (
        lambda: made(TrainingSpec, loss="hinge"),
        "TrainingSpec.loss must be one of cross_entropy",
    ),
    (lambda: made(TrainingSpec, arithmetic="exact"), "TrainingSpec.arithmetic must be one of native, portable, got"),
    (
        lambda: TrainingSpec(arithmetic="portable", precision="bfloat16"),
        "TrainingSpec.precision must be 'float32' in portable arithmetic, got 'bfloat16'",
    ),
    (lambda: PenaltySpec(name="l1", strength=-1), "PenaltySpec.strength must be at least 0, got -1.0"),
    (lambda: PenaltySpec(strength=0.1), "PenaltySpec.strength must be 0 for penalty 'none', got 0.1"),
    (lambda: TrainingSpec(epochs=0), "TrainingSpec.epochs must be at least 1, got 0"),
    (lambda: TrainingSpec(epochs=1.0), "TrainingSpec.epochs must be a whole number, got 1.0"),  # type: ignore[arg-type]
    (lambda: TrainingSpec(epochs=True), "TrainingSpec.epochs must be a whole number, got True"),
    (lambda: TrainingSpec(batch_size=0), "TrainingSpec.batch_size must be at least 1, got 0"),
    (lambda: PruningSpec(fraction=0), "PruningSpec.fraction must be between 0 and 1, both excluded, got 0.0"),
    (lambda: PruningSpec(fraction=1), "PruningSpec.fraction must be between 0 and 1, both excluded, got 1.0"),
    (lambda: PruningSpec(rewind_iteration=-1), "PruningSpec.rewind_iteration must be at least 0, got -1"),
    (lambda: RecordSpec(epoch_images=-1), "RecordSpec.epoch_images must be at least 0, got -1"),
    (lambda: RecordSpec(directions=-1), "RecordSpec.directions must be at least 0, got -1"),
    (lambda: RecordSpec(directions=2.5), "RecordSpec.directions must be a whole number, got 2.5"),  # type: ignore[arg-type]
    (lambda: made(RecordSpec, weights="all"), "RecordSpec.weights must be one of newest, every_level, got 'all'"),
    (lambda: DerivationSpec(kind="redense", draw=0), "DerivationSpec.draw must be at least 1, got 0"),
    (lambda: DerivationSpec(draw=2), "DerivationSpec.draw must be 1 for the chain itself, which draws no other, got 2"),
    (lambda: DerivationSpec(kind="redense", from_level=-1), "DerivationSpec.from_level must be at least 0, got -1"),
    (lambda: DerivationSpec(from_level=1), "DerivationSpec.from_level must be 0 for the chain itself, got 1"),
    (
        lambda: RunSpec(derivation=DerivationSpec(kind="redense")),
        "a 'redense' training starts from the weights of every level, but this chain keeps those of its newest only; "
        "set RecordSpec.weights to 'every_level'",
    ),
    (lambda: EVERYTHING.but(record={"weights": "newest"}), "set RecordSpec.weights to 'every_level'"),
    (lambda: DataSpec(validation_size=-1), "DataSpec.validation_size must be at least 0, got -1"),
    (lambda: TAUGHT.but(distillation={"alpha": 1.01}), "DistillationSpec.alpha must be between 0 and 1, got 1.01"),
    (lambda: TAUGHT.but(distillation={"alpha": -0.01}), "DistillationSpec.alpha must be between 0 and 1, got -0.01"),
    (lambda: DistillationSpec(alpha=0.5), "DistillationSpec.alpha must be 0 without a teacher, got 0.5"),
    (lambda: DistillationSpec(temperature=0), "DistillationSpec.temperature must be above 0, got 0.0"),
    (lambda: DistillationSpec(temperature=-1), "DistillationSpec.temperature must be above 0, got -1.0"),
    (lambda: DistillationSpec(teacher="resnet"), "DistillationSpec.teacher must be a"),  # type: ignore[arg-type]
    (lambda: TAUGHT.but(distillation={"teacher_level": "last"}), "teacher_level must be one of dense, best_validation"),
    (lambda: CHOSEN.but(distillation={"teacher_levels": 0}), "DistillationSpec.teacher_levels must be at least 1"),
    (lambda: TAUGHT.but(distillation={"teacher_levels": 2}), "DistillationSpec.teacher_levels must be 1 for a dense"),
    (
        lambda: DistillationSpec(teacher_level="best_validation"),
        "DistillationSpec.teacher_level must be 'dense' without a teacher, got 'best_validation'",
    ),
    (lambda: DistillationSpec(teacher=TAUGHT), "DistillationSpec.teacher must be a chain that has no teacher itself"),
    (lambda: DistillationSpec(teacher=EVERYTHING), "DistillationSpec.teacher must be a chain of iterative pruning"),
    (lambda: DistillationSpec(teacher=PATH), "DistillationSpec.teacher must be a chain of iterative pruning"),
    (
        lambda: DistillationSpec(teacher=TEACHER.but(record={"weights": "newest"})),
        "DistillationSpec.teacher must be a chain that keeps every level",
    ),
    (
        lambda: DistillationSpec(
            teacher=TEACHER.but(data={"validation_size": 0}), teacher_level="best_validation", teacher_levels=5
        ),
        "DistillationSpec.teacher must be a chain with validation images",
    ),
    (
        lambda: CHOSEN.but(distillation={"teacher": {"record": {"weights": "newest"}}}),
        "DistillationSpec.teacher must be a chain that keeps every level",
    ),
    *(
        (
            lambda data=data: TAUGHT.but(distillation={"teacher": {"data": data}}),
            "they must share data set, image size and images, or the teacher cannot tell the student's batches",
        )
        for data in ({"name": "cifar100"}, {"side": 7}, {"train_size": 999}, {"validation_size": 0})
    ),
    (lambda: TAUGHT.but(derivation={"kind": "redense"}), "what is derived from a chain is trained without a teacher"),
    (
        lambda: made(PathSpec, over="time"),
        "PathSpec.over must be one of none, penalty_strength, epochs, ridge_refit",
    ),
    (lambda: PathSpec(values=(1, 2, 3)), "PathSpec.values must be () for iterative pruning"),
    (lambda: PathSpec(over="epochs"), "PathSpec.values must be three points or more: fewer show no course, got ()"),
    (lambda: PathSpec(over="epochs", values=(1, 2)), "PathSpec.values must be three points or more"),
    (lambda: PathSpec(over="epochs", values=(1, 3, 2)), "PathSpec.values must be rising numbers from 0 on"),
    (lambda: PathSpec(over="epochs", values=(1, 2, 2)), "PathSpec.values must be rising numbers from 0 on"),
    (lambda: PathSpec(over="ridge_refit", values=(-1, 0, 2)), "PathSpec.values must be rising numbers from 0 on"),
    (lambda: PathSpec(over="epochs", values=(1, 2, float("inf"))), "PathSpec.values must be a tuple of finite numbers"),
    (
        lambda: PATH.but(path={"over": "epochs", "values": (1, 2, 59)}),
        "a path over epochs looks after whole epochs and ends with the training's 60, got (1.0, 2.0, 59.0)",
    ),
    (
        lambda: PATH.but(path={"over": "epochs", "values": (0.5, 2, 60)}),
        "a path over epochs looks after whole epochs and ends with the training's 60",
    ),
    (
        lambda: PATH.but(training={"penalty": {"name": "none"}}),
        "a path over the penalty's strength needs a penalty and sets its strength",
    ),
    (
        lambda: PATH.but(training={"penalty": {"strength": 0.1}}),
        "a path over the penalty's strength needs a penalty and sets its strength",
    ),
    *(
        (lambda change=change: PATH.but(**change), "neither prunes nor derives nor distils")
        for change in (
            {"pruning": {"criterion": "magnitude"}},
            {"pruning": {"fraction": 0.5}},
            {"record": {"weights": "every_level"}, "derivation": {"kind": "redense"}},
            {"data": TEACHER.data, "distillation": {"teacher": TEACHER}},
        )
    ),
    (lambda: RunSpec(noise="pairflip"), "RunSpec.noise must be a NoiseSpec, got 'pairflip'"),  # type: ignore[arg-type]
    (
        lambda: RunSpec().but(sparsity=1),
        "RunSpec has no setting sparsity; it has ['data', 'derivation', 'distillation', 'model', 'noise',",
    ),
    (lambda: RunSpec().but(noise={"ratio": 1}), "NoiseSpec has no setting ratio; it has ['kind', 'rate']"),
    (lambda: RunSpec().but(noise={"kind": "pairflip"}), "NoiseSpec.rate must be 0 for kinds 'none' and 'human'"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_a_bad_setting_is_refused_by_name_with_what_was_expected(make, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    "change",
    [
        {"noise": {"kind": "symmetric_permute", "rate": 0.4}},
        {"noise": {"kind": "none", "rate": 0.0}},
        {"pruning": {"criterion": "none"}},
        {"pruning": {"fraction": 0.2}},
        {"training": {"optimizer": {"weight_decay": 0.1}}},
        {"training": {"penalty": {"strength": 0.0}}},
    ],
)
def test_settings_that_differ_in_numbers_only_may_share_a_stack(change):
    assert EVERYTHING.but(**change).stack_key() == EVERYTHING.stack_key()


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"name": "mnist_small"}},
        {"data": {"side": 7}},
        {"data": {"train_size": 999}},
        {"data": {"validation_size": 199}},
        {"model": {"channels": (32, 16)}},
        {"model": {"batch_norm": False}},
        {"training": {"epochs": 61}},
        {"training": {"batch_size": 65}},
        {"training": {"optimizer": {"lr": 0.06}}},
        {"training": {"optimizer": {"momentum": 0.8}}},
        {"training": {"optimizer": {"name": "adam", "momentum": 0.0}}},
        {"training": {"schedule": {"factor": 0.4}}},
        {"training": {"penalty": {"name": "l2"}}},
        {"training": {"loss": "cross_entropy"}},
        {"model": {"initialization": "uniform"}},
        {"pruning": {"retraining": "finetuning"}},
        {"pruning": {"rewind_iteration": 99}},
        {"record": {"epoch_images": 499}},
        {"record": {"directions": 4}},
        {"derivation": {"kind": "redense"}},
        {"derivation": {"draw": 3}},
        {"derivation": DerivationSpec()},
    ],
)
def test_settings_that_differ_in_shape_or_schedule_never_share_a_stack(change):
    assert EVERYTHING.but(**change).stack_key() != EVERYTHING.stack_key()


@pytest.mark.parametrize("alpha", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("taught", [TAUGHT, CHOSEN])
def test_students_of_one_teacher_share_a_stack_whatever_its_weight(taught, alpha):
    assert taught.but(distillation={"alpha": alpha}).stack_key() == taught.stack_key()


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 9.0},
        {"teacher": LENIENT},
        {"teacher_levels": 4},
        {"teacher_level": "dense", "teacher_levels": 1},
    ],
)
def test_students_of_other_teachers_or_temperatures_never_share_a_stack(change):
    assert CHOSEN.but(distillation=change).stack_key() != CHOSEN.stack_key()


def test_paths_of_other_points_never_share_a_stack():
    assert PATH.but(path={"values": (0, 2, 60)}).stack_key() != PATH.stack_key()
    assert PATH.but(path=PathSpec()).stack_key() != PATH.stack_key()


# Paths


@pytest.mark.parametrize(
    ("over", "axis"),
    [
        ("penalty_strength", "penalty strength"),
        ("epochs", "epoch"),
        ("ridge_refit", "ridge strength"),
        ("lasso_refit", "lasso strength"),
    ],
)
def test_the_levels_of_a_path_lie_along_what_it_leads_over(over, axis):
    path = PATH.but(path={"over": over})
    assert path.axis == axis
    assert [path.position(level) for level in range(3)] == [0, 1, 60]
    with pytest.raises(InputError, match=f"a path of 3 points over {axis} has no point 3; ask for fewer"):
        path.position(3)


def test_the_levels_of_iterative_pruning_lie_along_density():
    chain = RunSpec(pruning=PruningSpec(fraction=0.5))
    assert chain.axis == "density"
    assert [chain.position(level) for level in range(3)] == [1, 0.5, 0.25]


@pytest.mark.parametrize("level", range(3))
def test_a_point_of_a_penalty_path_is_a_run_at_that_strength_and_nothing_else(level):
    expected = PATH.but(path=PathSpec(), training={"penalty": {"strength": PATH.path.values[level]}})
    assert PATH.point(level) == expected


@pytest.mark.parametrize("over", ["epochs", "ridge_refit", "lasso_refit"])
def test_a_point_of_another_path_is_its_one_training(over):
    path = PATH.but(path={"over": over}, training={"penalty": {"strength": 0.1}})
    assert path.point(0) == path.point(2) == path.but(path=PathSpec())


derived = st.builds(DerivationSpec, kind=names(DerivationKind).filter(lambda name: name != "none"), draw=whole)


@given(derivation=derived)
def test_the_parent_of_what_is_derived_is_the_same_spec_without_the_derivation(derivation):
    chain = EVERYTHING.but(derivation=DerivationSpec())
    assert chain.but(derivation=derivation).parent == chain


@given(first=st.integers(0, 9), level=st.integers(0, 9))
def test_what_is_derived_from_a_level_on_lies_where_the_levels_of_the_chain_do(first, level):
    run = EVERYTHING.but(derivation={"from_level": first})
    assert run.chain_level(level) == first + level
    assert run.position(level) == EVERYTHING.but(derivation=DerivationSpec()).position(first + level)


@pytest.mark.parametrize("chain", [RunSpec(), LENIENT])
def test_a_chain_has_no_parent(chain):
    assert chain.parent is None


def test_a_run_in_words_says_what_is_derived_from_the_chain():
    chain = RunSpec(noise=NoiseSpec(kind="symmetric_permute", rate=0.2), record=RecordSpec(weights="every_level"))
    words = (
        "MLP-300-100 on mnist_small, 20% noise (symmetric permute), magnitude pruning, lottery ticket rewinding, "
        "200 epochs at learning rate 0.1"
    )
    assert str(chain) == words
    once = str(chain.but(training={"epochs": 1}))
    assert once == words.replace("200 epochs", "1 epoch")
    assert str(chain.but(derivation={"kind": "redense"})) == f"{words}, redense"
    assert str(chain.but(derivation={"kind": "same_mask", "draw": 2})) == f"{words}, same mask (draw 2)"
    late = chain.but(derivation={"kind": "redense", "from_level": 10})
    assert str(late) == f"{words}, redense from level 10 on"


def test_a_run_in_words_says_who_teaches():
    plain = str(TAUGHT.but(distillation=DistillationSpec()))
    words, penalty = plain.rsplit(", ", 1)
    assert str(TAUGHT) == f"{words}, alpha 0.8 of a dense teacher at temperature 10, {penalty}"
    assert "alpha 0.8 of a teacher pruned to its best validation accuracy at temperature 10" in str(CHOSEN)


def test_a_path_in_words_leaves_out_what_it_does_not_do():
    words = "MLP-300-100 on mnist_small, 60 epochs at learning rate 0.1, l1 penalty"
    assert str(PATH) == words
    assert str(PATH.but(training={"penalty": {"step": "proximal"}})) == f"{words}, proximal steps"
    noisy = PATH.but(noise={"kind": "pairflip", "rate": 0.2})
    assert str(noisy).startswith("MLP-300-100 on mnist_small, 20% noise (pairflip), 60 epochs at learning rate 0.1")


@pytest.mark.parametrize(("rate", "said"), [(0.125, "12.5%"), (0.004, "0.4%"), (0.07, "7%"), (1, "100%")])
def test_a_rate_of_noise_is_said_as_it_is(rate, said):
    assert str(NoiseSpec(kind="pairflip", rate=rate)) == f"{said} noise (pairflip)"


def test_a_run_with_batch_norm_never_shares_a_stack_with_one_without():
    assert EVERYTHING.but(model={"batch_norm": False}).stack_key() != EVERYTHING.stack_key()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ModelSpec(), "MLP-300-100"),
        (EVERYTHING.model, "conv net of 16 and 32 channels with batch norm"),
        (ModelSpec(name="conv", hidden=(), channels=(8,)), "conv net of 8 channels without batch norm"),
        (ModelSpec(name="vgg_like", hidden=(), channels=(8, 9), batch_norm=True), "VGG-like net of 8 and 9 channels"),
        (ModelSpec(name="resnet18", hidden=(), batch_norm=True), "ResNet-18"),
        (TRANSFORMER.model, "ViT"),
        (FACTORED.model, "ReLU network 128-64 factored through 4"),
        (ModelSpec(name="relu_network", hidden=(9, 8)), "ReLU network 9-8 with whole matrices"),
        (ModelSpec(name="relu_network", hidden=(9,)), "ReLU network 9 with one hidden layer"),
    ],
)
def test_a_run_names_its_network(model, words):
    assert str(RunSpec(model=model)).startswith(f"{words} on mnist_small, clean labels, magnitude pruning, ")


@given(fraction=below_one, level=st.integers(0, 40))
def test_the_scheduled_density_loses_the_same_fraction_at_every_level(fraction, level):
    pruning = PruningSpec(fraction=fraction)
    assert pruning.density(0) == 1
    assert pruning.density(level + 1) == pytest.approx(pruning.density(level) * (1 - fraction), rel=1e-9, abs=1e-300)


def test_a_run_on_annotators_labels_says_so():
    assert "human annotators' labels" in str(RunSpec(data=DataSpec(name="cifar10"), noise=NoiseSpec(kind="human")))
