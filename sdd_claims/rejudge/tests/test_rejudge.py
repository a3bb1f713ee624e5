"""A published run judges itself again from its evidence, and says what was changed in it."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdd_claims import report
from sdd_claims.errors import InputError
from sdd_claims.judging.claim_entry import adjust_p_values, claim_entry_from
from sdd_claims.judging.verdict import judge_at, stays_open, without_windows
from sdd_claims.locations import bundled, checkout
from sdd_claims.planning.plan import Request, plan
from sdd_claims.registration.curve_of import CurveOf
from sdd_claims.registration.pilots import FromPilots
from sdd_claims.registration.trial import Trial
from sdd_claims.rejudge import __main__ as command
from sdd_claims.rejudge import again, rejudge
from sdd_claims.rejudge.comparing import differences
from sdd_claims.rejudge.run import write_beside
from sdd_claims.report import calibration, claims_json, evidence
from sdd_claims.report.claims_json import SCHEMA, ClaimEntry, ClaimsDocument
from sdd_claims.report.evidence import NAME
from sdd_claims.stats import Contrast, Greater, Phases, Rule, Term, Window
from sdd_claims.storage.store import Store
from sdd_claims.tests.tiny import ENVIRONMENT, NOISY, SPEC, fill, trial_named

LOOKS = (12, 24)
LIGHT, CRITICAL = Window(0.9, 1.0), Window(0.4, 0.6)


def falls(light: Window = LIGHT, critical: Window = CRITICAL) -> Rule:
    return Greater(Contrast((Term(1, "accuracy", light), Term(-1, "accuracy", critical))))


FALLS = trial_named("falls", falls(), levels=3, looks=LOOKS)
ON_NOISE = trial_named("on_noise", falls(), spec=NOISY, levels=2, looks=LOOKS)
TRIALS = {trial.key: trial for trial in (FALLS, ON_NOISE)}


def looked_at(trial: Trial, store: Store) -> Any:
    def read(curve: CurveOf, seeds: tuple[int, ...]) -> Any:
        return store.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    trial, _ = trial.resolved(read)
    for look in range(len(trial.judged_seeds())):
        verdict = judge_at(trial, look, trial.judged_seeds(), read, 0.05 / 46)
        if not stays_open(verdict):
            break
    return claim_entry_from(verdict, store, trial.curves, trial.control_curves, "pytest -m fast")


def publish(folder: Path, trials: list[Trial], store: Store, *more: ClaimEntry) -> Path:
    entries = [*(looked_at(trial, store) for trial in trials), *more]
    adjust_p_values(entries, 46)
    document = ClaimsDocument(
        schema=SCHEMA, environment=ENVIRONMENT, alpha=0.05, registered=46, calibration=None, claims=entries
    )
    report.write(folder, document, store)
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    filled = Store(tmp_path_factory.mktemp("store"))
    seeds = (*range(12), *range(1000, 1024), *range(1500, 1524))
    fill(filled, plan([Request(spec, seeds, 3) for spec in (SPEC, NOISY)]))
    return filled


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, store: Store) -> Path:
    return publish(tmp_path_factory.mktemp("published"), [FALLS, ON_NOISE], store)


@pytest.fixture
def folder(tmp_path: Path, published: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "run"))


def packed(**wrong: Any) -> bytes:
    curve = {"digest": "d", "measure": "m", "axis": "density", "position": [1.0], "rows": {}, "sha256": ""} | wrong
    return gzip.compress(json.dumps({"schema": 1, "curves": [curve]}).encode())


def edit(folder: Path, change: Any) -> None:
    """Change the evidence and leave all checksums as they are."""
    content = json.loads(gzip.decompress((folder / NAME).read_bytes()))
    change(content)
    (folder / NAME).write_bytes(gzip.compress(json.dumps(content).encode()))


def edit_claims(folder: Path, change: Any) -> None:
    document: Any = claims_json.read(folder / "claims.json")
    change(document)
    claims_json.write(folder / "claims.json", document)


def test_a_run_judges_itself_again_without_a_store(folder, capsys):
    found = rejudge(folder, TRIALS)
    assert found.is_original
    assert [each.differences for each in found.verdicts] == [(), ()]
    assert [each.again for each in found.verdicts] == claims_json.read(folder / "claims.json")["claims"]


@pytest.mark.parametrize("rules", ["published", "today"])
def test_a_claim_that_is_open_so_far_is_judged_again_at_the_look_that_it_had(tmp_path, store, rules):
    def read(curve: CurveOf, seeds: tuple[int, ...]) -> Any:
        return store.curve(curve.spec.digest, curve.measure, curve.seeds(seeds), curve.levels)

    verdict = judge_at(ON_NOISE, 0, ON_NOISE.judged_seeds(), read, 0.05 / 46).as_it_stands
    assert verdict.openness == "open so far"
    entry = claim_entry_from(verdict, store, ON_NOISE.curves, ON_NOISE.control_curves, "pytest -m full --budget 1")
    (found,) = rejudge(publish(tmp_path / "run", [], store, entry), TRIALS, rules).verdicts
    assert found.differences == ()
    assert found.again == entry


def test_a_claim_whose_rule_crashes_is_said_and_the_others_are_judged_again(folder, monkeypatch):
    def judge(trial, *arguments):
        return 1 / 0 if trial.claim.name == "falls" else judge_at(trial, *arguments)

    monkeypatch.setattr(again, "judge_at", judge)
    falls, on_noise = rejudge(folder, TRIALS).verdicts
    (why,) = falls.differences
    assert why.startswith("cannot be judged again: its rule crashed: ZeroDivisionError: division by zero (test_rejudge")
    assert falls.again is None
    assert on_noise.again is not None


def test_a_changed_number_is_found_and_its_claims_are_named(folder):
    def change(content):
        (curve,) = (curve for curve in content["curves"] if curve["digest"] == NOISY.digest)
        curve["rows"]["1003"][0] += 0.25

    edit(folder, change)
    falls, on_noise = rejudge(folder, TRIALS).verdicts
    assert falls.differences == ()
    assert f"test_accuracy of run {NOISY.digest[:12]} was changed after it was written" in on_noise.differences[0]
    assert any(phrase.startswith("effect, value: published") for phrase in on_noise.differences)


def test_numbers_changed_together_with_their_checksum_are_found_by_that_of_the_file(folder, monkeypatch, capsys):
    content = json.loads(gzip.decompress((folder / NAME).read_bytes()))
    (folder / NAME).write_bytes(gzip.compress(json.dumps(content).encode()))  # the same numbers, another text
    monkeypatch.setattr("sdd_claims.registration.trials.all_trials", lambda: TRIALS)
    assert command.main([str(folder)]) == 1
    assert "evidence.json.gz is not the file that was published" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (lambda claim: claim.update(p=0.5), "p: published 0.5, judged again "),
        (lambda claim: claim["effect"].update(low=0.0), "effect, low: published 0.0"),
        (lambda claim: claim.update(verdict="refuted"), "verdict: published refuted, judged again "),
        (lambda claim: claim["control"].update(p=0.5), "control, p: published 0.5"),
        (lambda claim: claim.update(p_holm=0.5), "p_holm: published 0.5"),
        (lambda claim: claim["windows"].update({"0.9 to 1": [0.8, 1.0]}), "windows, 0.9 to 1 [0]: published 0.8"),
        (lambda claim: claim.update(looks=[12]), "looks: published [12]"),
        (lambda claim: claim.update(expected="refuted"), "expected: published refuted, judged again supported"),
        (lambda claim: claim.update(proxy=True), "proxy: published True"),
        (lambda claim: claim.update(words=claim["words"].replace("mean", "median", 1)), "words: published"),
        (lambda claim: claim.update(words=re.sub(r"\d", "7", claim["words"], count=6)), "words: published"),
        (lambda claim: claim["runs"]["accuracy"].update(digest=NOISY.digest), "the curves that it names are not those"),
        (
            lambda claim: claim["control"]["runs"]["accuracy"].update(levels=2),
            "the curves of the control that",
        ),
    ],
)
def test_a_published_number_that_the_evidence_does_not_carry_is_named(folder, change, phrase):
    edit_claims(folder, lambda document: change(document["claims"][0]))
    first, second = rejudge(folder, TRIALS).verdicts
    assert any(phrase in difference for difference in first.differences), first.differences
    assert second.differences == () or phrase.startswith("p_holm")


def test_that_a_rule_on_controls_is_newer_than_a_verdict_is_said(folder):
    found, _ = rejudge(folder, TRIALS).verdicts
    assert found.again is not None
    claim = found.claim | {"verdict": "supported"}
    now = found.again | {"verdict": "inconclusive", "openness": "control not measured"}
    first, *others = differences(claim, now, evidence.read(folder), ())
    assert first.startswith("by a rule that is newer, a control that cannot be measured")
    assert any(each.startswith("verdict: published supported") for each in others)


def test_what_a_control_lacked_is_compared_where_it_was_published(folder):
    edit_claims(folder, lambda document: document["claims"][0]["control"].update(unmeasured="a seed has no dip"))
    first, second = rejudge(folder, TRIALS).verdicts
    assert any(each.startswith("control, unmeasured: published a seed has no dip") for each in first.differences)
    assert second.differences == ()


def test_the_difference_from_a_control_is_compared_and_written_beside_where_it_was_not(folder):
    edit_claims(folder, lambda document: document["claims"][0]["control"]["difference"].update(beyond=0))
    first, _ = rejudge(folder, TRIALS).verdicts
    assert any(each.startswith("control, difference") for each in first.differences)
    edit_claims(folder, lambda document: document["claims"][0]["control"].pop("difference"))
    write_beside(folder, TRIALS)
    assert claims_json.read(folder / "claims.json")["claims"][0]["control"]["difference"]["beyond"] > 0


def test_a_stability_that_the_evidence_does_not_carry_is_named_and_a_study_more_or_less_is_not(folder):
    def change(by):
        return lambda document: document["claims"][0].update(stability=document["claims"][0]["stability"] - by)

    edit_claims(folder, change(0.01))
    assert rejudge(folder, TRIALS).differing == []
    edit_claims(folder, change(0.02))
    (found,) = rejudge(folder, TRIALS).differing
    assert found.differences[0].startswith("stability: published ")


def as_version_1(document):
    document["schema"] = 1
    for claim in document["claims"]:
        claim["p_holm"] = 0.5
        for name in claims_json.BesideVerdict.__annotations__:
            del claim[name]


def test_a_run_of_schema_1_is_judged_again_and_gets_what_stands_beside_a_verdict(folder, store):
    whole = claims_json.read(folder / "claims.json")
    edit_claims(folder, as_version_1)
    assert rejudge(folder, TRIALS).differing == []
    report.render(folder)
    write_beside(folder, TRIALS)
    assert claims_json.read(folder / "claims.json") == whole
    write_beside(folder, TRIALS)
    assert claims_json.read(folder / "claims.json") == whole


def test_sentence_and_deviations_of_a_claim_are_todays_where_its_protocol_is(folder):
    def said_then(document):
        for claim in document["claims"]:
            claim |= {"statement": "As it was said then.", "deviations": ["As they were."]}

    edit_claims(folder, said_then)
    write_beside(folder, {ON_NOISE.key: ON_NOISE})
    claims = claims_json.read(folder / "claims.json")["claims"]
    assert [claim["statement"] for claim in claims] == ["As it was said then.", ON_NOISE.claim.statement]
    assert [claim["deviations"] for claim in claims] == [["As they were."], [*ON_NOISE.deviations]]


def test_nothing_is_written_beside_a_verdict_that_comes_out_otherwise(folder):
    edit_claims(folder, lambda document: document["claims"][0].update(verdict="refuted"))
    before = (folder / "claims.json").read_bytes()
    with pytest.raises(InputError, match=r"falls .*comes out otherwise .*; nothing was written"):
        write_beside(folder, TRIALS)
    assert (folder / "claims.json").read_bytes() == before


def test_what_stands_beside_a_verdict_that_cannot_be_judged_again_is_left(folder):
    first, _ = claims_json.read(folder / "claims.json")["claims"]
    write_beside(folder, {ON_NOISE.key: ON_NOISE})
    assert claims_json.read(folder / "claims.json")["claims"][0] == first


def test_what_cannot_be_judged_again_has_nothing_beside_its_verdict(folder):
    edit_claims(folder, as_version_1)
    write_beside(folder, {ON_NOISE.key: ON_NOISE})
    first, second = claims_json.read(folder / "claims.json")["claims"]
    assert first["p_holm"] is None
    assert "stability" not in first
    assert second["stability"] is not None
    assert rejudge(folder, {ON_NOISE.key: ON_NOISE}).verdicts[1].differences == ()


def test_todays_calibration_stands_beside_a_run_if_it_measures_all_that_stood_there(folder):
    today = calibration.measured(bundled("fixtures"))
    assert today is not None

    def kept(**changes: Any) -> Any:
        edit_claims(folder, lambda document: document.update(calibration={**today, **changes}))
        given = claims_json.read(folder / "claims.json")["calibration"]
        write_beside(folder, TRIALS)
        found = claims_json.read(folder / "claims.json")["calibration"]
        assert found in (given, today)
        return found == given

    designs = today["designs"]
    assert not kept(designs=designs[:-1])
    assert kept(designs=[*designs, {"looks": [12, 300], "threshold": 0.0004}])
    assert kept(threshold=today["threshold"] / 2)


def test_rounding_in_the_last_digits_is_no_difference(folder):
    def change(document):
        document["claims"][0]["effect"]["value"] *= 1 + 1e-13

    edit_claims(folder, change)
    assert rejudge(folder, TRIALS).differing == []


def test_a_seed_too_few_and_a_curve_too_few_are_named(folder):
    edit(folder, lambda content: [curve["rows"].pop("1003") for curve in content["curves"]])
    for each in rejudge(folder, TRIALS).verdicts:
        assert any("0 of the" in phrase and "of seed 1003" in phrase for phrase in each.differences)
    edit(folder, lambda content: content["curves"].clear())
    for each in rejudge(folder, TRIALS).verdicts:
        assert "cannot be judged again: the evidence holds no test_accuracy of run" in each.differences[0]


def test_a_changed_protocol_is_not_judged_by_the_rules_of_the_published_one(folder):
    wider = falls(critical=Window(0.2, 0.6))
    changed = {**TRIALS, FALLS.key: replace(FALLS, rule=wider)}
    first, second = rejudge(folder, changed).verdicts
    assert first.differences == (
        "cannot be judged again: its protocol has changed since; check out commit 0123456789ab, or use --rules today",
    )
    assert second.differences == ()
    first, _ = rejudge(folder, changed, "today").verdicts
    assert any(phrase.startswith("effect, value: published") for phrase in first.differences)


def test_a_trial_that_is_gone_is_named(folder):
    first, _ = rejudge(folder, {ON_NOISE.key: ON_NOISE}).verdicts
    assert first.differences == ("cannot be judged again: no claim module registers this trial any more",)


def test_seeds_that_a_user_gave_are_judged_in_one_look(tmp_path, store):
    own = replace(FALLS, own_seeds=tuple(range(1002, 1016)))
    folder = publish(tmp_path / "run", [own], store)
    assert rejudge(folder, TRIALS).differing == []


def test_windows_that_pilots_set_follow_from_the_pilots_in_the_evidence(tmp_path, monkeypatch, store):
    monkeypatch.setattr("sdd_claims.registration.pilots.find_phases", lambda test, train: windows(test.values.mean()))

    def windows(level: float) -> Phases:
        nothing = Window(0.4, 1.0)
        critical = Window(0.2, 0.3) if level > 0.5 else Window(0.4, 0.6)
        return Phases(Window(0.9, 1.0), critical, nothing, None, nothing, nothing, nothing, nothing)

    accuracy = CurveOf(SPEC, "test_accuracy", 3)
    waiting = FromPilots(lambda at: falls(at["noisy"].light, at["noisy"].critical), {"noisy": (accuracy, accuracy)})
    trial = trial_named("waiting", waiting, levels=3, looks=LOOKS)
    folder = publish(tmp_path / "run", [trial], store)
    assert rejudge(folder, {trial.key: trial}).differing == []
    edit(folder, lambda content: [curve["rows"].pop("7") for curve in content["curves"]])
    (found,) = rejudge(folder, {trial.key: trial}).verdicts
    assert any("of seed 7 of run" in phrase for phrase in found.differences)


def test_a_run_without_evidence_says_how_to_have_it(folder):
    edit_claims(folder, lambda document: document.pop("evidence"))
    with pytest.raises(InputError, match=r"was published without evidence.*commit 0123456789ab.*pytest -m fast"):
        rejudge(folder, TRIALS)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "no evidence can be read at"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "is cut short or damaged"),
        (lambda path: path.write_bytes(b"not packed"), "no evidence can be read at"),
        (lambda path: path.write_bytes(gzip.compress(b'{"schema": 2}')), "has schema 2, this version of"),
        (lambda path: path.write_bytes(gzip.compress(b'{"schema": 1, "curves": [{}]}')), "a curve that is none"),
        (lambda path: path.write_bytes(gzip.compress(b"[")), "is cut short or damaged"),
        (
            lambda path: path.write_bytes(packed(rows={"1000": ["a"]})),
            'a curve, rows, 1000 [0] is "a", expected a number',
        ),
        (lambda path: path.write_bytes(packed(position="x")), "a curve, position is no list"),
    ],
)
def test_evidence_that_cannot_be_read_is_one_sentence(folder, spoil, message, capsys, monkeypatch):
    monkeypatch.setattr("sdd_claims.registration.trials.all_trials", lambda: TRIALS)
    spoil(folder / NAME)
    assert command.main([str(folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert message in said


def test_a_folder_that_is_not_in_the_wheel_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(again, "checkout", lambda: None)
    assert command.main([str(tmp_path / "nowhere")]) == 2
    assert "published runs lie in the repository, not in the wheel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--retrain", "1", "--data-root"], "nowhere"),
        (["--data-root"], "--claim, --draw and --data-root are about training again; give --retrain N as well"),
    ],
)
def test_a_folder_of_data_that_is_not_there_or_is_for_nothing_is_refused(folder, capsys, words, why):
    status: int | str | None
    try:
        status = command.main([*words, str(folder / "nowhere"), str(folder)])
    except SystemExit as refused:
        status = refused.code
    assert status == 2
    assert why in capsys.readouterr().err


def test_the_command_says_every_verdict_and_exits_with_what_it_found(folder, capsys, monkeypatch):
    monkeypatch.setattr("sdd_claims.registration.trials.all_trials", lambda: TRIALS)
    assert command.main([str(folder)]) == 0
    said = capsys.readouterr().out
    assert "nobody2026/falls [fast]: inconclusive, as published" in said
    assert said.replace("\N{NO-BREAK SPACE}", " ").endswith(
        "2 verdicts judged again from the evidence at 0.05 / 46 each, 0 claims with a difference or not judged again\n"
    )
    edit_claims(folder, lambda document: document["claims"][1].update(p=0.25))
    assert command.main([str(folder)]) == 1
    assert "nobody2026/on_noise [fast]: DIFFERS: p: published 0.25" in capsys.readouterr().out
    assert command.main([str(folder / "nowhere")]) == 2


def test_a_number_rounded_the_other_way_in_the_words_is_no_difference(folder):
    def change(document):
        words = document["claims"][0]["words"]
        (found,) = re.findall(r"seeds is (-?\d+\.\d) points", words)
        step = 0.1 if float(found) > 0 else -0.1
        document["claims"][0]["words"] = words.replace(f"is {found} points", f"is {float(found) + step:.1f} points")

    edit_claims(folder, change)
    assert rejudge(folder, TRIALS).differing == []


SMALL = trial_named("small", Greater(Contrast((Term(1, "accuracy", LIGHT),))), levels=3, looks=LOOKS)
SMALLER = replace(SMALL, claim=replace(SMALL.claim, name="smaller"))


def test_a_claim_that_cannot_be_judged_again_changes_nothing_for_the_others(tmp_path, store):
    folder = publish(tmp_path / "run", [SMALL, SMALLER, FALLS], store)
    assert claims_json.read(folder / "claims.json")["claims"][1]["p_holm"] != 1
    first, *others = rejudge(folder, {trial.key: trial for trial in (SMALLER, FALLS)}).verdicts
    assert first.again is None
    assert [each.differences for each in others] == [(), ()]


def test_registered_seeds_that_a_user_gave_are_judged_in_one_look(tmp_path, store):
    own = replace(ON_NOISE, own_seeds=tuple(range(1000, 1012)))
    folder = publish(tmp_path / "run", [own], store)
    edit(folder, lambda content: [curve["rows"].pop(s, 0) for curve in content["curves"] for s in ("1012", "1512")])
    (found,) = rejudge(folder, TRIALS).verdicts
    assert found.again is not None
    assert found.again["verdict"] == found.claim["verdict"]
    assert found.again["looks"] == [12]


def test_today_looks_at_the_block_that_judged_as_often_as_it_would_now(folder):
    moved = {trial.key: replace(trial, block=2000) for trial in TRIALS.values()}
    assert len(rejudge(folder, moved).differing) == 2
    assert rejudge(folder, moved, "today").differing == []


def test_pilots_that_judged_are_not_taken_for_judges(folder):
    edit_claims(folder, lambda document: document["claims"][0].update(seeds=list(range(12))))
    assert rejudge(folder, TRIALS).verdicts[0].differences == (
        "cannot be judged again: seed 0 is a pilot, which never judges",
    )


def test_pilots_that_lack_the_phase_that_a_rule_looks_at_leave_its_claim_open_as_published(tmp_path, store):
    def collapsing(at):
        raise InputError("there is no collapsed phase")

    curves = (CurveOf(SPEC, "test_accuracy", 3),) * 2
    waiting = trial_named("waiting", FromPilots(lambda at: falls(), {"noisy": curves}), levels=3, looks=LOOKS)
    rule = FromPilots(collapsing, {"noisy": curves})
    object.__setattr__(waiting, "rule", rule)  # a rule of the right form is asked for when it is registered
    verdict = without_windows(waiting, rule, InputError("there is no collapsed phase"))
    folder = publish(
        tmp_path / "run", [FALLS], store, claim_entry_from(verdict, store, rule.pilot_curves(), {}, "pytest")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sdd_claims.registration.pilots.find_phases", lambda test, train: None)
        _, found = rejudge(folder, {FALLS.key: FALLS, waiting.key: waiting}).verdicts
    assert found.differences == ()
    assert found.again is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.update(claims=[]), "holds no verdict; give the folder of a run that judged"),
        (lambda document: [claim.update(verdict=None) for claim in document["claims"]], "holds no verdict"),
        (lambda document: document.update(claims=None), "the document, claims is no list"),
        (lambda document: document.update(evidence={}), "the document, evidence lacks curves, file, numbers, sha256"),
        (lambda document: document.update(alpha="0.05"), 'the document, alpha is "0.05", expected a number'),
        (lambda document: document.update(registered=0), "of 0 claims is no error rate"),
        (lambda document: document["claims"][0].update(seeds=None), "claims [0], seeds is no list"),
        (lambda document: document["claims"][0].update(control={}), "control lacks effect, p, runs, setting, verdict"),
        (lambda document: document["claims"][0].update(runs=[]), "claims [0], runs is no object"),
        (
            lambda document: document["claims"][0].update(verdict="suported"),
            'verdict is "suported"',
        ),
    ],
)
def test_a_document_that_is_none_is_one_sentence(folder, change, message):
    document = json.loads((folder / "claims.json").read_text())
    change(document)
    (folder / "claims.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=re.escape(message)):
        rejudge(folder, TRIALS)


def test_judging_again_takes_neither_a_store_nor_pytorch():
    program = (
        "import sys, sdd_claims.rejudge.__main__; from sdd_claims.registration import trials; trials.all_trials();"
        "print(sorted(sys.modules.keys() & {'torch', 'sdd_claims.storage.store', 'sklearn'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=checkout(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
