import numpy as np

from sdd_claims.curves import SparsityCurve
from sdd_claims.report.evidence import Line, gather, told_apart


def line(name: str, label: str) -> Line:
    return Line(name, label, "test_accuracy", SparsityCurve((1000,), np.ones(1), np.ones((1, 1))))


def test_curves_that_can_be_read_are_drawn_though_others_cannot(claim, source):
    runs = claim["runs"] | {"lost": claim["runs"]["noisy"] | {"digest": "lost0000" * 8}}
    evidence = gather(runs, source)
    assert [each.name for each in evidence.lines] == ["noisy", "train"]
    assert len(evidence.missing) == 1
    assert "lost0000lost" in evidence.missing[0]


def test_a_curve_holds_the_seeds_and_levels_of_its_run(claim, source):
    runs = {"noisy": claim["runs"]["noisy"] | {"levels": 5}}
    curve = gather(runs, source).lines[0].curve
    assert curve.seeds == tuple(claim["seeds"])
    assert len(curve.position) == 5


def test_labels_keep_only_what_tells_curves_apart():
    lines, shared = told_apart(
        [line("a", "mlp on mnist, 20 % noise, pruned"), line("b", "mlp on mnist, clean, pruned")]
    )
    assert [each.label for each in lines] == ["20 % noise", "clean"]
    assert shared == "mlp on mnist, pruned"


def test_curves_with_one_label_go_by_their_names():
    lines, shared = told_apart([line("ticket", "mlp, noise"), line("repeat", "mlp, noise")])
    assert [each.label for each in lines] == ["ticket", "repeat"]
    assert shared == "mlp, noise"
