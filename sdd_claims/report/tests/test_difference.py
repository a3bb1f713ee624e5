import copy
import json

import pytest

from sdd_claims.report import evidence
from sdd_claims.report.difference import between, compare


@pytest.fixture
def other(document):
    return copy.deepcopy(document)


def test_a_run_differs_from_itself_in_nothing(document, other):
    found = compare(document, other)
    assert [claim.name for claim in found.claims] == sorted(claim.name for claim in found.claims)
    assert len(found.claims) == len(document["claims"])
    assert [claim.changed for claim in found.claims if claim.changed] == []
    assert (found.differing, found.added, found.gone, found.environment) == ([], [], [], {})
    assert found.as_json()["same_verdicts"] is True


def test_another_verdict_with_its_effect_and_seeds_is_said(document, other):
    claim = other["claims"][0]
    claim |= {"verdict": "refuted", "p": 0.9, "seeds": [2000, 2001]}
    claim["effect"]["value"] = -0.01
    found = compare(document, other)
    assert [each.new["id"] for each in found.differing] == [claim["id"]]
    changed = found.differing[0].changed
    assert changed.keys() == {"verdict", "p", "seeds", "effect"}
    assert changed["verdict"] == ("supported", "refuted")
    assert found.differing[0].is_comparable


def test_what_was_open_so_far_has_no_other_verdict_yet(document, other):
    document["claims"][0] |= {"verdict": "inconclusive", "openness": "open so far"}
    found = compare(document, other)
    assert found.differing == []
    (changed,) = (claim.changed for claim in found.claims if claim.changed)
    assert changed == {"verdict": ("inconclusive", "supported"), "openness": ("open so far", None)}


def test_a_run_that_did_not_judge_has_no_other_verdict(document, other):
    other["claims"][0]["verdict"] = None
    found = compare(document, other)
    assert found.differing == []
    assert sum(len(claim.changed) for claim in found.claims) == 1


def test_what_the_processor_rounds_is_no_difference(document, other):
    other["claims"][0]["effect"]["value"] *= 1 + 1e-14
    assert compare(document, other).claims[0].changed == {}


def test_an_effect_that_is_a_hundredth_larger_is_a_difference(document, other):
    other["claims"][0]["effect"]["value"] *= 1.01
    assert any("effect" in each.changed for each in compare(document, other).claims)


def test_another_setting_is_said_by_the_name_of_its_curve(document, other):
    claim = other["claims"][0]
    claim["runs"]["noisy"] |= {"digest": "f" * 64, "label": "other noise"}
    claim["control"]["runs"].pop("train")
    claim["protocol"] = "f" * 64
    (found,) = (each for each in compare(document, other).claims if each.changed)
    assert not found.is_comparable
    assert found.changed["setting of noisy"][1] == "other noise (test_accuracy, 16 levels)"
    assert found.changed["control's setting of train"][1] is None


def test_claims_that_one_run_alone_has_and_another_environment_are_said(document, other):
    gone = other["claims"].pop(0)
    other["environment"]["hardware"] = "another machine"
    other["environment"]["versions"] = {**document["environment"]["versions"], "torch": "9.9"}
    found = compare(document, other)
    assert [claim["id"] for claim in found.gone] == [gone["id"]]
    assert found.environment["hardware"][1] == "another machine"
    assert found.environment["torch"][1] == "9.9"
    back = compare(other, document)
    assert (back.added, back.gone) == (found.gone, found.added)
    assert back.environment == {name: (new, old) for name, (old, new) in found.environment.items()}


def test_numbers_of_the_evidence_are_counted(tmp_path, document, source):
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        read = evidence.collect(document["claims"], source)
        document["evidence"] = read.entry
        evidence.write(folder, read)
        (folder / "claims.json").write_text(json.dumps(document), encoding="utf-8")
        source.curves["noise020" * 8, "test_accuracy"][0, :3] += 0.01
    numbers = between(*folders).numbers
    assert numbers is not None
    assert (numbers.common, numbers.other) == (read.numbers, 3)


def test_what_one_run_has_read_from_another_is_no_comparison(tmp_path, document, source):
    read = evidence.collect(document["claims"], source)
    document["evidence"] = read.entry
    whole = between(written(tmp_path / "old", document, read), written(tmp_path / "same", document, read)).numbers
    run = next(iter(document["claims"][0]["runs"].values()))
    readers = [
        each
        for claim in document["claims"]
        for each in evidence.curves_of(claim)
        if (each["digest"], each["measure"]) == (run["digest"], run["measure"])
    ]
    found = []
    for each in readers:
        each["published"] = {"0" * 64: run["seeds"][:2]}
        found.append(between(tmp_path / "old", written(tmp_path / "new", document, read)).numbers)
    assert whole is not None
    assert [numbers and numbers.common for numbers in found] == [
        *[whole.common] * (len(readers) - 1),  # what another curve reads was trained
        whole.common - 2 * run["levels"],
    ]
    assert len(readers) > 1


def written(folder, document, read):
    evidence.write(folder, read)
    (folder / "claims.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
