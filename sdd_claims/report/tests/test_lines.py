from sdd_claims.report.lines import gather


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
