import pytest

from sdd_claims.report import numbers, sentences


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_summary_counts_by_tier_and_verdict_and_says_what_alpha_means(document):
    document["claims"][3] = document["claims"][3] | {"tier": "full", "verdict": "inconclusive"}
    text = spaced(" ".join(sentences.summary(document)))
    assert "4 of the 46 registered claims were put on trial here." in text
    assert "In the fast tier 1 was supported, 1 was refuted and 1 was inconclusive (1 cannot be measured)." in text
    assert "In the full tier 1 was inconclusive (1 undecided)." in text
    assert "2 verdicts differ from what was registered as expected before the seeds judged." in text
    assert "tested at 0.05 / 46 = 0.0011" in text
    assert "within a tier" in text
    assert "meant to be at most 5 %" in text
    assert "Over all 4 verdicts together, each chance is bounded by 0.4348 %." in text


def test_claims_that_many_blocks_have_judged_are_told_with_the_bound_on_a_false_verdict(document):
    document["claims"][0]["blocks"] = [4000, 20000, 21000]
    (alone,) = map(spaced, sentences.again(document["claims"], 0.05 / 46))
    assert alone == (
        "he2022/sdd_appears_under_label_noise [fast] has now been judged on 3 blocks of seeds (4000, 20000, 21000): "
        "at 0.0011 a block, the error rate of this run, the chance that even one of its verdicts is false is at most "
        "0.0033."
    )
    document["claims"][1]["blocks"] = [4000, 20000, 21000]
    document["claims"][2]["blocks"] = [1000, 2000]
    both, one = map(spaced, sentences.again(document["claims"], 0.05 / 46))
    assert both == (
        "2 claims have now been judged on 3 blocks of seeds (4000, 20000, 21000): at 0.0011 a block, the error rate "
        "of this run, the chance that even one of the verdicts on such a claim is false is at most 0.0033."
    )
    assert "on 2 blocks of seeds (1000, 2000)" in one
    assert {both, one} <= set(map(spaced, sentences.summary(document)))


def test_of_claims_that_one_block_has_judged_no_blocks_are_counted(document):
    assert sentences.again(document["claims"], 0.001) == []


def test_the_papers_own_numbers_stand_against_our_intervals(claim):
    assert sentences.of_paper(claim) == ""
    claim["paper_numbers"] = {"dip": 0.08, "rise": 0.11, "unknown": 1.0}
    assert spaced(sentences.of_paper(claim)) == (
        "The paper's own number of dip, 8 points, lies within our interval, 7.1 to 9.5. The paper's own number of "
        "rise, 11 points, lies above our interval, 7.4 to 10.4."
    )
    claim["paper_numbers"] = {"rise": 0.07}
    assert "lies below our interval" in sentences.of_paper(claim)
    claim["parts"][1]["effect"] |= {"low": None, "high": None}
    assert sentences.of_paper(claim) == ""


def test_networks_are_counted_apart_and_the_error_rate_is_said_to_be_each_ones(document):
    claim = document["claims"][0] | {"tier": "full"}
    networks = ("ResNet-18 on CIFAR-10", "ResNet-18 on CIFAR-100")
    document["claims"] = [claim | {"network": network} for network in networks] + [claim]
    text = spaced(" ".join(sentences.summary(document)))
    assert "One of the 46 registered claims was put on trial here." in text
    assert "In the full tier with ResNet-18 on CIFAR-10 1 was supported." in text
    assert "In the full tier with ResNet-18 on CIFAR-100 1 was supported." in text
    assert "In the full tier 1 was supported." in text
    assert "within a tier and on one network, the chance" in text
    assert "Over all 3 verdicts together, each chance is bounded by 0.3261 %." in text
    assert sentences.verdict(document["claims"][0]).startswith(
        "Supported in the full tier with ResNet-18 on CIFAR-10, on 12"
    )
    assert sentences.paper_tally(document["claims"]) == (
        "full, ResNet-18 on CIFAR-10: 1 supported; full, ResNet-18 on CIFAR-100: 1 supported; full: 1 supported"
    )


def test_one_family_of_claims_is_not_added_up(document):
    families = {(claim["tier"], sentences.network(claim)) for claim in document["claims"]}
    assert len(families) == 1
    assert "together" not in " ".join(sentences.summary(document))


def test_the_summary_of_nothing_says_so(document):
    document["claims"] = []
    assert sentences.summary(document) == ["No claim was selected, so nothing was judged."]


def test_a_verdict_says_its_tier_its_seeds_and_what_decided(claim):
    assert spaced(sentences.verdict(claim)) == (
        "Supported in the fast tier, on 12 seeds (1000–1011): the null hypothesis is rejected, at p = 1.0 × 10⁻⁷, "
        "below the threshold of 0.00063. The register expected this verdict when this report was written."
    )


def test_a_refutation_is_decided_by_the_contrary_and_said_to_be_unexpected(claim):
    text = spaced(sentences.verdict(claim | {"verdict": "refuted", "p_contrary": 0.0002}))
    assert "the contrary is established, at p = 0.0002, below" in text
    assert text.endswith("The register expected supported when this report was written.")


def test_an_open_verdict_says_what_keeps_it_open(claim):
    text = sentences.verdict(claim | {"verdict": "inconclusive", "expected": "inconclusive", "reason": "no peak."})
    assert text.startswith("Inconclusive (cannot be measured) in the fast tier, on ")
    assert ": no peak. Its 2 parts, each by itself: 2 supported. The register" in text
    assert text.endswith("The register expected this verdict when this report was written.")


@pytest.mark.parametrize(("proxy", "against"), [(False, "refuted"), (True, "contrary")])
def test_a_verdict_that_is_not_supported_says_how_its_parts_came_out(claim, proxy, against):
    verdicts = ["supported"] * 3 + ["inconclusive", "refuted"]
    parts = [claim["parts"][0] | {"name": f"part {n}", "verdict": each} for n, each in enumerate(verdicts)]
    found = sentences.verdict(claim | {"verdict": "refuted", "parts": parts, "proxy": proxy})
    assert f"Its 5 parts, each by itself: 3 supported, 1 {against} (part 4) and 1 open." in found
    assert "Its 5 parts" not in sentences.verdict(claim | {"parts": parts})
    many = [part | {"verdict": "refuted"} for part in parts]
    assert f"5 {against}." in sentences.verdict(claim | {"verdict": "refuted", "parts": many, "proxy": proxy})


def test_an_expectation_that_was_changed_is_said_with_the_reason(claim, document):
    first = {"block": 500, "expected": "refuted", "date": "2026-01-01", "commit": "a" * 10, "why": ""}
    rows = [first, first | {"block": 900, "expected": "supported", "why": "seeds were more"}]
    changed = claim | {"registrations": rows}
    assert sentences.expectation(changed).endswith(
        "Of blocks from 500 on it had expected refuted; why that was changed: seeds were more."
    )
    document["claims"] = [changed]
    said = "For one of them the register expected another verdict of an earlier block."
    assert said in sentences.summary(document)
    changed["registrations"] = [first, first | {"block": 5000, "expected": "supported"}]  # later than this block
    assert said not in sentences.summary(document)
    assert "had expected" not in sentences.expectation(changed)


def test_a_smoke_run_is_no_verdict_and_no_surprise(claim, document):
    smoke = claim | {"verdict": None}
    document["claims"] = [smoke]
    assert sentences.verdict(smoke).startswith("Not judged")
    assert not sentences.is_surprise(smoke)
    text = " ".join(sentences.summary(document))
    assert "1 was not judged" in text
    assert "as expected" not in text


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        ("inconclusive", "Not supported (inconclusive), as it should be"),
        ("refuted", "Refuted, as it"),
        (None, "Not judged"),
    ],
)
def test_a_control_that_is_not_supported_is_as_it_should_be(claim, verdict, start):
    assert sentences.control(claim["control"] | {"verdict": verdict}).startswith(start)


def test_a_control_that_could_test_nothing_is_not_called_as_it_should_be(claim):
    unmeasured = claim["control"] | {"verdict": "inconclusive", "unmeasured": "1 of 12 seeds has no dip"}
    assert sentences.control(unmeasured).startswith("Not measured, so that it does not show")
    assert "1 of 12 seeds has no dip" in sentences.control(unmeasured)
    assert sentences.control_in_a_word(unmeasured) == "cannot be measured"
    assert sentences.control_in_a_word(claim["control"] | {"verdict": "refuted"}) == "refuted"


@pytest.mark.parametrize(
    ("part", "t", "where", "how_sure"),
    [
        ("", 31.2, "seed by seed, what", "(t = 31, p = "),
        ("it falls", None, "seed by seed, in the part “it falls”, what", "(p = "),
    ],
)
def test_a_control_is_compared_with_the_claim_seed_by_seed(claim, part, t, where, how_sure):
    apart = {"part": part, "beyond": 11, "seeds": 12, "t": t, "p": 0.0014}
    said = sentences.control(claim["control"] | {"verdict": "inconclusive", "difference": apart})
    many = numbers.count(12, "seed")
    assert f"{where} is claimed shows more in the claim's own setting in 11 of {many} {how_sure}" in said
    assert "seed by seed" not in sentences.control(claim["control"] | {"verdict": "inconclusive"})


def test_a_supported_control_discredits_the_verdict(claim):
    assert "cannot be trusted" in sentences.control(claim["control"] | {"verdict": "supported"})


def test_exploratory_questions_are_counted_apart_and_nothing_is_expected_of_them(document):
    question = document["claims"][1] | {"id": "he2022/question", "exploratory": True}
    before = spaced(" ".join(sentences.summary(document)))
    document["claims"].append(question)
    text = spaced(" ".join(sentences.summary(document)))
    said = "One exploratory question outside the register was judged by the same rules, and counted nowhere above. "
    assert text.replace(said, "") == before
    assert said in text
    assert not sentences.is_surprise(question)
    assert sentences.verdict(question).endswith("stands outside the register, which expects nothing of it.")


def test_a_report_of_questions_alone_says_that_no_claim_was_tried(document):
    document["claims"] = [document["claims"][0] | {"exploratory": True}]
    text = " ".join(sentences.summary(document))
    assert text.startswith("None of the 46 registered claims were put on trial here. One exploratory question")


def test_a_claim_that_the_register_does_not_hold_is_never_counted_among_its_claims(document):
    before = " ".join(sentences.summary(document))
    own = document["claims"][1] | {"id": "me2026/own", "registrations": []}
    document["claims"].append(own)
    text = " ".join(sentences.summary(document))
    said = "One claim that is not in the register was judged by the same rules, and counted nowhere above. "
    assert said in text
    assert text.replace(said, "") == before
    assert "The register does not hold this claim; whoever put it on trial expected " in sentences.verdict(own)
    document["claims"] = [own, own | {"id": "me2026/other"}]
    text = " ".join(sentences.summary(document))
    assert text.startswith("None of the 46 registered claims were put on trial here. 2 claims that are not in the")


ROWS = [
    {"block": 1000, "expected": "inconclusive", "date": "2026-01-01", "commit": "aaa", "why": ""},
    {"block": 3000, "expected": "supported", "date": "2026-02-02", "commit": "bbb", "why": "block 1000 supported it"},
]


def test_what_the_register_expected_is_said_with_its_date_and_commit(claim):
    text = sentences.verdict(claim | {"registrations": ROWS[1:], "seeds": [3000, 3001]})
    assert text.endswith("The register expected this verdict, since 2026-02-02 (commit bbb).")


def test_a_registration_that_was_changed_after_the_block_had_judged_stays_visible(claim):
    judged = claim | {"verdict": "supported", "expected": "inconclusive", "registrations": ROWS, "seeds": [1000, 1001]}
    assert sentences.is_surprise(judged)
    assert sentences.verdict(judged).endswith(
        "The register expected inconclusive, since 2026-01-01 (commit aaa). Of blocks from 3000 on it expects "
        "supported, since 2026-02-02 (commit bbb): block 1000 supported it."
    )


def test_every_verdict_is_said_to_be_the_registered_one_only_where_it_is(document):
    document["claims"] = [
        claim | {"expected": claim["verdict"], "registrations": ROWS}
        for claim in document["claims"]
        if claim["verdict"]
    ]
    assert "Every verdict is the one registered as expected before the seeds judged." in sentences.summary(document)
    document["claims"][1].pop("registrations")
    said = "Every verdict is the one registered as expected when this report was written; since when, was not recorded."
    assert said in sentences.summary(document)
    document["claims"][0]["expected"] = "refuted"
    text = " ".join(sentences.summary(document))
    assert "One verdict differs from what was registered as expected before the seeds judged." in text
    assert "Every verdict" not in text


def test_a_claim_left_open_by_its_pilots_is_said_to_be_expected_from_its_first_block(claim):
    judged = claim | {"verdict": "inconclusive", "expected": "inconclusive", "registrations": ROWS, "seeds": [0, 1]}
    assert sentences.expectation(judged).startswith(
        "The register expected this verdict, since 2026-01-01 (commit aaa)."
    )


BESIDE = {"of": "claim", "p": 0.00047, "level": 0.0011, "t": 31.2, "beyond": 12, "seeds": 12}


def test_a_p_is_said_in_seeds_and_t_over_all_looks(claim):
    text = spaced(sentences.verdict(claim | {"decisive": BESIDE, "stability": 0.99}))
    assert (
        "the null hypothesis is rejected, with 12 of 12 seeds beyond the margin, t = 31, p = 0.00047 over all looks "
        "that were planned, below 0.0011. A fresh block of seeds would come to the same verdict with a chance of 0.99."
    ) in text
    assert sentences.shown_p(claim | {"decisive": BESIDE}) == "0.00047"


def test_a_refuted_row_shows_the_p_of_the_contrary(claim):
    refuted = claim | {"verdict": "refuted", "decisive": BESIDE | {"of": "contrary"}}
    assert sentences.shown_p(refuted) == "0.00047 (contrary)"
    assert spaced(sentences.seeds_beyond(refuted)) == "12 of 12 seeds on the contrary side, t = 31"
    assert sentences.shown_p(claim | {"verdict": "refuted", "p_contrary": 0.0002}) == "0.0002"


def test_the_t_of_another_part_than_the_one_whose_effect_is_shown_is_said_to_be_its(claim):
    refuted = claim | {"verdict": "refuted", "decisive": BESIDE | {"of": "contrary", "part": "l1, 100 neurons"}}
    assert spaced(sentences.seeds_beyond(refuted)) == "12 of 12 seeds on the contrary side (l1, 100 neurons), t = 31"


def test_where_a_seed_has_no_number_no_seeds_are_counted_beyond_the_margin(claim):
    unmeasured = claim | {"verdict": "inconclusive", "openness": "cannot be measured", "decisive": BESIDE}
    assert sentences.seeds_beyond(unmeasured) == ""
    assert sentences.seeds(unmeasured) == sentences.number_of_seeds(unmeasured)


def test_a_verdict_that_a_fresh_block_may_not_repeat_is_borderline(claim, document):
    assert not sentences.is_borderline(claim)
    assert [sentences.is_borderline(claim | {"stability": chance}) for chance in (None, 0.94, 0.95)] == [
        False,
        True,
        False,
    ]
    assert [spaced(sentences.repeats(claim | {"stability": chance})) for chance in (None, 0.94, 0.95, 1.0)] == [
        "–",
        "0.94, borderline",
        "0.95",
        "> 0.99",
    ]
    document["claims"][0]["stability"] = 0.5
    said = "One verdict is borderline: a fresh block of seeds would come to the same with a chance below 95 %."
    assert said in [spaced(sentence) for sentence in sentences.summary(document)]
    assert sentences.verdict(document["claims"][0]).count("it is borderline") == 1


OPEN = {"verdict": "inconclusive", "control": {"verdict": "inconclusive"}}
PROXYS = "the contrary is established here, but a proxy cannot refute the paper's claim"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"verdict": "supported"}, None),
        ({"reason": None}, "undecided"),
        ({"reason": PROXYS, "proxy": True}, "contrary on a proxy"),
        ({"reason": "seed 1003 shows no dip"}, "cannot be measured"),
        ({"reason": "the control (x) came out ...", "control": {"verdict": "supported"}}, "control supported"),
        ({"reason": "whatever", "openness": "undecided"}, "undecided"),
        ({"reason": "whatever", "openness": "open so far"}, "open so far"),
    ],
)
def test_the_kinds_of_inconclusive_are_told_apart_in_both_versions_of_the_schema(claim, fields, kind):
    assert sentences.openness(claim | OPEN | fields) == kind


SO_FAR = OPEN | {
    "openness": "open so far",
    "reason": "neither the claim nor its contrary is established so far, and the look at 24 seeds has not been taken",
}


def test_what_is_open_so_far_is_neither_as_expected_nor_a_surprise(claim, document):
    document["claims"] = [claim, claim | SO_FAR | {"expected": "supported"}]
    said = [spaced(sentence) for sentence in sentences.summary(document)]
    assert "In the fast tier 1 was supported and 1 was inconclusive (1 open so far)." in said
    assert "One claim is open so far: further looks, at more seeds, were planned and have not been taken." in said
    assert sum(sentence.startswith("Every other verdict is the one registered as expected") for sentence in said) == 1
    document["claims"][1]["expected"] = "inconclusive"
    assert "The register expected inconclusive" in sentences.verdict(document["claims"][1])
    assert "the look at 24 seeds has not been taken." in sentences.verdict(document["claims"][1])


def test_where_all_is_open_so_far_nothing_is_said_of_expectations(claim, document):
    document["claims"] = [claim | SO_FAR]
    assert "registered as expected" not in " ".join(sentences.summary(document))


def test_summaries_count_contraries_on_proxies_and_supports_on_proxies_as_such(claim, document):
    proxy = claim | {"proxy": True}
    contrary = proxy | OPEN | {"reason": PROXYS, "p_contrary": 0.0002}
    document["claims"] = [claim, proxy, contrary, contrary, claim | OPEN | {"reason": None}]
    assert (
        "In the fast tier 2 were supported (1 of them on a proxy) and 3 were inconclusive (1 undecided, 2 contrary on "
        "a proxy)."
    ) in sentences.summary(document)
    assert sentences.paper_tally(document["claims"]) == (
        "fast: 2 supported (1 of them on a proxy), 3 inconclusive (1 undecided, 2 contrary on a proxy)"
    )
    assert sentences.verdict(proxy).startswith("Supported on a proxy in the fast tier")
    assert "the contrary is established here, at p = 0.0002, below the threshold of 0.00063; but the paper" in spaced(
        sentences.verdict(contrary)
    )
    assert sentences.ruling(contrary) == "inconclusive: contrary on a proxy"


def test_an_e_value_is_held_against_the_error_rate_of_the_claim(claim):
    values = {"family": "a", "claim": 2.97e9, "contrary": 0.1, "claim_by_signs": 630.1, "contrary_by_signs": None}
    entry = claim | {"decisive": BESIDE | {"level": 1 / 920}, "e_values": values}
    assert spaced(sentences.evidence(entry)) == ("3.0 × 10⁹ for the claim (630 by signs alone), to be held against 920")
    assert sentences.evidence(entry | {"decisive": BESIDE | {"of": "contrary"}}) == ""
    assert sentences.evidence(claim) == ""


def test_what_changes_with_what_was_fixed_is_one_line(claim):
    held = {"margin halved": "supported", "margin doubled": "open", "windows one level denser": "refuted"}
    assert sentences.robustness(claim | {"robustness": held}) == (
        "the verdict stays with margin halved; it is inconclusive with margin doubled, refuted with windows one level "
        "denser"
    )
    assert sentences.robustness(claim | {"robustness": {"margin halved": "supported"}}) == (
        "the verdict stays with margin halved"
    )
    assert sentences.robustness(claim) == sentences.robustness(claim | {"robustness": {}}) == ""


@pytest.mark.parametrize(
    ("t", "seeds", "by_t"), [(5.5, 24, True), (3.0, 24, False), (-5.5, 24, False), (None, 24, False)]
)
def test_an_undecided_verdict_says_whether_the_t_test_alone_would_have_decided(document, t, seeds, by_t):
    shown = {"of": "claim", "p": 0.002, "level": 0.001, "t": t, "beyond": 20, "seeds": seeds}
    claim = document["claims"][0] | {
        "verdict": "inconclusive",
        "openness": "undecided",
        "decisive": shown,
        "threshold": 0.0005,
    }
    assert ("a t-test alone would establish the claim" in sentences.verdict(claim)) is by_t
    assert ("near the margin" in sentences.verdict(claim)) is not by_t


def test_what_was_measured_reads_on_where_a_p_was_left_out():
    words = "The fall is 2 points; each was tested, largest p = 0.1. The rule could not refute here: the grid ends."
    assert sentences.measured(words) == "The fall is 2 points. The rule could not refute here: the grid ends."


def test_an_undecided_verdict_that_could_not_be_refuted_does_not_lay_it_on_the_seeds(claim):
    cannot, can = "The rule could not refute here: the grid ends.", "The contrary has p = 0.9."
    both, (one, other) = "All of 2 parts are asked for. The weakest, dip: ", claim["parts"]
    for words, parts, refutable in (
        (cannot, (can, can), False),  # those of a rule that is one test: its fall and its rise
        (can, (can, can), True),
        (both + cannot, (cannot, can), True),
        (both + cannot, (cannot, cannot), False),
    ):
        told = {"words": words, "parts": [one | {"words": parts[0]}, other | {"words": parts[1]}]}
        said = sentences.verdict(claim | told | {"verdict": "inconclusive", "openness": "undecided"})
        assert ("the seeds lie near the margin" in said) is refutable
        assert ("its contrary could not have been by any number of seeds" in said) is not refutable


def test_the_absence_of_a_dip_takes_the_smaller_p_of_two_sides_doubled(document):
    """With 12 seeds t = 3.53 has p 0.0024."""
    shown = {"of": "claim", "p": 0.0068, "level": 0.0045, "t": 3.53, "beyond": 12, "seeds": 12}
    claim = document["claims"][0] | {
        "verdict": "inconclusive",
        "openness": "undecided",
        "decisive": shown,
        "threshold": 0.00455,
        "parts": [],
    }
    said = [sentences.verdict(claim | {"rule": rule}) for rule in ("greater", "dip_free")]
    assert ["a t-test alone would establish the claim" in each for each in said] == [True, False]
