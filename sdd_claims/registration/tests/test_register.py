"""The register is the one place of sentences and expected outcomes, and every claim module stands in it."""

import re
from dataclasses import replace

import pytest

from sdd_claims.errors import InputError
from sdd_claims.registration.register import read, registered, the_register
from sdd_claims.registration.trials import all_trials, claim_modules

REGISTER = """
alpha = 0.05
[papers]
nobody2026 = "Nobody 2026, Nothing"
[claims.nobody2026.obedience]
statement = "It obeys."
source = "Figure 1"
fast = [{ block = 1000, expected = "supported", date = 2026-11-20, commit = "abc" }]
"""


def test_every_module_is_registered_under_its_own_name_and_every_claim_has_a_module():
    modules = {module.__name__.removeprefix("claims.").replace(".test_", "/"): module for module in claim_modules()}
    assert set(modules) == set(the_register().claims)
    assert all(module.CLAIM.id == name for name, module in modules.items())


def test_every_tier_that_is_registered_has_a_trial_and_the_reverse():
    registered_tiers = {(claim.id, tier) for claim in the_register().claims.values() for tier in claim.tiers}
    assert {(claim, tier) for claim, tier, _ in all_trials()} == registered_tiers


def test_a_claim_of_the_register_without_a_trial_is_refused_with_the_module_to_write(monkeypatch):
    lost = replace(the_register().claims["he2022/four_phases_in_order"], name="five_phases")
    more = replace(the_register(), claims={**the_register().claims, lost.id: lost})
    monkeypatch.setattr("sdd_claims.registration.trials.the_register", lambda: more)
    with pytest.raises(InputError, match=r"five_phases for the fast tier.*write claims/he2022/test_five_phases\.py"):
        all_trials()


def test_every_trial_expects_what_was_registered_for_its_block():
    for trial in all_trials().values():
        row = trial.claim.registration(trial.tier, trial.block)
        assert trial.claim.exploratory or (row is not None and trial.expected == row.expected)


def test_the_number_of_registered_claims_leaves_questions_out():
    claims = the_register().claims.values()
    assert the_register().registered == len([claim for claim in claims if not claim.exploratory]) == 57


def test_a_claim_that_is_not_registered_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"is not in .* \(did you mean 'he2022/four_phases_in_order'"):
        registered("he2022/four_phases")


def test_a_register_is_read(tmp_path):
    (tmp_path / "register.toml").write_text(REGISTER, encoding="utf-8")
    found = read(tmp_path / "register.toml")
    (claim,) = found.claims.values()
    assert (found.alpha, found.registered) == (0.05, 1)
    assert (claim.id, claim.title, claim.tiers) == ("nobody2026/obedience", "Nobody 2026, Nothing", ("fast",))
    row = claim.registration("fast", 5000)
    assert row is not None
    assert (row.expected, row.date, row.commit) == ("supported", "2026-11-20", "abc")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha = 0.05", "alpha = 5", "alpha must be a number between 0 and 0.5, got 5"),
        ("alpha = 0.05", "alpha = ", "is not TOML"),
        (
            "nobody2026.obedience]",
            'nobody2026."../../x"]',
            "'../../x' is no name of a paper or claim; use a-z, 0-9 and _",
        ),
        ("nobody2026.obedience]", f"nobody2026.{'x' * 200}]", "is no name of a paper or claim; use a-z, 0-9 and _"),
        ("[claims.nobody2026.", '[claims."<b>".', "'<b>' is no name of a paper or claim; use a-z, 0-9 and _"),
        ("nobody2026 = ", "somebody2026 = ", "claims.nobody2026 has no title under [papers]"),
        ('source = "Figure 1"', "", "source is missing; write it down"),
        ('source = "Figure 1"', 'sorce = "Figure 1"', "there is no field 'sorce' (did you mean 'source'?)"),
        ('source = "Figure 1"', 'source = "1"\nbasis = "papr"', "got 'papr' (did you mean 'paper'?)"),
        ('"supported"', '"suported"', "got 'suported' (did you mean 'supported'?)"),
        ("block = 1000", "block = 100", "block must be one of 1000, 2000, ..., got 100"),
        ("block = 1000", 'block = "1000"', "block must be one of 1000, 2000, ..., got '1000'"),
        ('commit = "abc"', "commit = 123", "date must be a date, commit and why a text in quotes"),
        ('commit = "abc"', 'commit = "abc", why = 3', "date must be a date, commit and why a text in quotes"),
        ("fast = ", "changes = [1]\nfast = ", "changes must be a list of texts, got 1"),
        ('commit = "abc"', 'commit = "abc", whi = "x"', "there is no field 'whi' (did you mean 'why'?)"),
        ("alpha = 0.05", "alpha = 0.05\nregisterd = 4", "there is no field 'registerd'"),
        ("fast = ", "question = true\nfast = ", "a question says in which tiers it is asked; give it tiers"),
        ("fast = ", 'question = true\ntiers = ["fsat"]\nfast = ', "got 'fsat' (did you mean 'fast'?)"),
        ("fast = ", 'changes = "abc"\nfast = ', "changes must be a list, got 'abc'"),
        (
            "[claims.nobody2026.obedience]",
            "[claims.nobody2026]\nobedience = 1\nother = { }\n[claims.nobody2026.more]",
            "must be a table, got 1",
        ),
        (', commit = "abc"', "", "a row needs block, expected, date and commit"),
        (
            "fast = ",
            'question = true\ntiers = ["fast"]\nfast = ',
            "a claim says what is expected of its tiers, a question does not",
        ),
        (
            "fast = [",
            'fast = [{ block = 2000, expected = "refuted", date = 2026-11-20, commit = "d" }, ',
            "the rows must follow each other by block, each block once",
        ),
    ],
)
def test_a_register_with_a_mistake_is_refused_in_one_sentence(tmp_path, old, new, message):
    assert old in REGISTER
    (tmp_path / "register.toml").write_text(REGISTER.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path / "register.toml")


def test_a_register_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"there is no register at .*; restore"):
        read(tmp_path / "register.toml")
