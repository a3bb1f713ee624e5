import html
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from sdd_claims.errors import InputError
from sdd_claims.report import __main__ as command
from sdd_claims.report import claims_json, evidence, render, write

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """What a browser would make of the page: the elements, whether they nest, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & {*self.open}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]


@pytest.fixture
def page(tmp_path, document, source) -> Page:
    write(tmp_path, document, source)
    page = Page(render(tmp_path).read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_rendering_writes_the_page_and_the_summary(tmp_path, document, source):
    write(tmp_path, document, source)
    assert render(tmp_path) == tmp_path / "index.html"
    assert {path.name for path in tmp_path.iterdir()} == {
        "claims.json",
        "evidence.json.gz",
        "index.html",
        "SUMMARY.md",
        "figures",
    }


def test_rendering_twice_gives_the_same_bytes(tmp_path, document, source):
    write(tmp_path, document, source)
    assert render(tmp_path).read_bytes() == render(tmp_path).read_bytes()


def test_a_parser_by_the_standard_finds_no_error_in_the_page(tmp_path, document, source):
    html5lib = pytest.importorskip("html5lib", reason="the group 'browser' is not installed")
    write(tmp_path, document, source)
    parser = html5lib.HTMLParser()
    parser.parse(render(tmp_path).read_text(encoding="utf-8"))
    assert [(place, code) for place, code, _ in parser.errors] == []


def test_the_page_asks_nothing_of_a_network(page):
    assert not page.values("src")
    ours = ("#", "data:,", "claims.json", "https://arxiv.org/abs/")
    assert all(link.startswith(ours) for link in page.values("href"))
    assert not any(tag in ("iframe", "object", "embed") for tag, _ in page.elements)
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}]


def test_the_page_writes_no_style_of_a_single_element_and_its_policy_allows_none(page):
    assert page.values("style") == []
    (policy,) = (each["content"] for _, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_ids_are_unique_and_every_inner_link_leads_somewhere(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = {link[1:] for link in page.values("href") if link.startswith("#")} | set(page.values("aria-labelledby"))
    assert targets <= set(ids)


def test_figures_and_tables_can_be_heard(page):
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") for attributes in drawings)
    assert all(attributes.get("scope") for tag, attributes in page.elements if tag == "th")
    after_tables = [after for (tag, _), (after, _) in pairwise(page.elements) if tag == "table"]
    assert set(after_tables) == {"caption"}


def test_every_verdict_is_a_word(page):
    marks = [attributes for tag, attributes in page.elements if (attributes.get("class") or "").startswith("verdict ")]
    assert len(marks) > 4
    for verdict, sign in (("supported", "✓"), ("refuted", "✗"), ("inconclusive", "○")):
        assert f"{sign} {verdict}" in page.text


def test_every_claim_shows_its_evidence(page, document):
    for claim in document["claims"]:
        expected = [claim["statement"], claim["source"], claim["words"], claim["rerun"], claim["control"]["words"]]
        expected += claim["deviations"] + [part["words"] for part in claim["parts"]]
        expected += [run["digest"][:12] for run in claim["runs"].values()]
        for text in expected:
            assert text in page.text
    assert {run["digest"] for claim in document["claims"] for run in claim["runs"].values()} <= set(
        page.values("title")
    )
    for text in (
        "8.3 points 7.1 to 9.5",
        "99.87 % interval",
        "31 s on a core or a GPU, 2.9 TFLOP",
        "71.5 % against 68.1 %",
        "contrary 0.00031",
    ):
        assert text in page.text


def test_one_p_stands_in_the_open_part_of_a_section_and_the_others_are_folded(tmp_path, document, source):
    for claim in document["claims"]:
        claim["words"] = (
            "The mean of [a − b] over 12 seeds is 1.0 point. That it exceeds 0 has p = 0.2; that it, p = 0.8."
        )
        claim["decisive"] = {"of": "claim", "p": 0.0123, "level": 0.001, "t": 2.0, "beyond": 9, "seeds": 12}
    write(tmp_path, document, source)
    sections = re.findall(r"<article.*?</article>", render(tmp_path).read_text(encoding="utf-8"), re.DOTALL)
    assert len(sections) == len(document["claims"])
    for section in sections:
        shown = Page(re.sub(r"<details>.*?</details>", "", section, flags=re.DOTALL)).text
        assert re.findall(r"\bp\b[^.]*?0\.\d+", shown) == ["p over all looks 0.0123".replace("0.0123", "0.012")]
        assert "The mean of [a − b] over 12 seeds is 1.0 point. The control" in shown
        assert "p = 0.8" in Page(section).text


def test_page_and_summary_say_where_the_papers_number_lies_and_how_many_blocks_have_judged(tmp_path, document, source):
    document["claims"][0] |= {"paper_numbers": {"dip": 0.08}, "blocks": [1000, 2000]}
    write(tmp_path, document, source)
    said = "paper's own number of dip, 8 points, lies within our interval, 7.1 to 9.5."
    blocks = "has now been judged on 2 blocks of seeds (1000, 2000): at"
    for text in (
        Page(render(tmp_path).read_text(encoding="utf-8")).text,
        (tmp_path / "SUMMARY.md").read_text(encoding="utf-8"),
    ):
        plain = text.replace("\N{NO-BREAK SPACE}", " ")
        assert plain.count(said) == 1
        assert blocks in plain


def test_places_of_training_that_differ_by_commit_alone_share_a_line(tmp_path, document, source):
    place: dict[str, object] = {
        "hardware": "AMD",
        "capability": "AVX2",
        "torch": "2.9.0",
        "commit": "a" * 40,
        "levels": 3,
    }
    others: list[dict[str, object]] = [
        {"commit": "b" * 40, "levels": 4},
        {"capability": "AVX512"},
        {"torch": "2.8.0", "capability": ""},
    ]
    document["environment"]["training"] = [place, *(place | other for other in others)]
    write(tmp_path, document, source)
    lines = [
        f"Trained on AMD, AVX2, torch 2.9.0, commits {'a' * 12} and {'b' * 12}: 7 levels",
        f"Trained on AMD, AVX512, torch 2.9.0, commit {'a' * 12}: 3 levels",
        f"Trained on AMD, torch 2.8.0, commit {'a' * 12}: 3 levels",
    ]
    text = Page(render(tmp_path).read_text(encoding="utf-8")).text
    assert [text.count(line) for line in lines] == [2, 2, 2]
    summary = (tmp_path / "SUMMARY.md").read_text(encoding="utf-8")
    assert [line for line in summary.splitlines() if line.startswith("Trained on")] == [f"{line}." for line in lines]


def test_a_claim_without_stored_curves_gets_a_sentence(page):
    assert page.text.count("cannot be shown: the evidence holds no test_accuracy of run lost0000lost") == 1
    assert len([label for label in page.values("aria-label") if label.startswith("Curves against")]) == 6


def test_an_estimate_of_energy_is_called_one_and_says_how_it_was_made(tmp_path, document, source):
    cost = {"seconds": 31.0, "train_flops": 2.9e12, "kept_train_flops": 8e11}
    made: dict[str, object] = {"energy_kwh": 0.0124, "co2_kg": 0.0059, "basis": "seconds times 4 W a core"}
    unmade: dict[str, object] = {"energy_kwh": None, "co2_kg": None, "basis": "install CodeCarbon"}
    for claim, estimate in zip(document["claims"], (made, unmade), strict=False):
        claim["cost"] = {**cost, **estimate}
    write(tmp_path, document, source)
    text = Page(render(tmp_path).read_text(encoding="utf-8")).text
    assert "2.9 TFLOP (0.8 TFLOP if pruned weights cost nothing)" in text
    assert "Estimate: 12 Wh and 5.9 g of CO₂, that is seconds times 4 W a core." in text
    assert "install CodeCarbon" in text
    assert text.count("Estimate:") == 1


def test_an_estimate_without_carbon_is_of_energy_alone(tmp_path, document, source):
    made, unmade = document["claims"] = document["claims"][:2]
    made["cost"] = {**made["cost"], "energy_kwh": 0.0124, "basis": "seconds times 4 W a core"}
    unmade["cost"] = {**unmade["cost"], "basis": "install CodeCarbon"}
    write(tmp_path, document, source)
    text = Page(render(tmp_path).read_text(encoding="utf-8")).text
    assert "Estimate: 12 Wh, that is seconds times 4 W a core." in text
    assert "install CodeCarbon." in text


def test_what_a_claim_says_cannot_become_markup(tmp_path, document, source):
    document["claims"][0]["statement"] = "<script>alert(1)</script>"
    document["claims"][0]["runs"]["noisy"]["label"] = "</svg><script>alert(2)</script>"
    write(tmp_path, document, source)
    text = render(tmp_path).read_text(encoding="utf-8")
    assert text.count("<script") == 1  # the page's own
    assert html.escape("<script>alert(1)</script>") in text


def test_the_page_says_how_the_rules_were_calibrated_and_of_which_version(tmp_path, document, source):
    write(tmp_path, document, source)
    shown = "benchmarks.calibration --studies 100000</code>. Measured on 2026-11-28, commit 0123456, 2 cores.</p>"
    assert shown in render(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("is_own", [True, False])
def test_the_calibration_says_whose_level_it_was_measured_at(tmp_path, document, source, is_own):
    document["claims"] = [own(document["claims"][0]) if is_own else document["claims"][0]]
    write(tmp_path, document, source)
    said = "These are the levels of the papers’ claims. Yours are judged by the same rules, each at 0.05 / 46 = 0.0011:"
    assert (said in Page(render(tmp_path).read_text(encoding="utf-8")).text) is is_own


def test_the_calibration_is_left_out_where_there_is_none(tmp_path, document, source):
    document["calibration"] = None
    write(tmp_path, document, source)
    assert "Calibration" not in render(tmp_path).read_text(encoding="utf-8")


def test_a_smoke_run_is_rendered_without_a_verdict(tmp_path, document, source):
    smoke = document["claims"][0] | {
        **dict.fromkeys(("verdict", "effect", "p", "p_contrary", "p_holm", "threshold", "margin")),
        "parts": [],
        "looks": [],
        "cost": {"seconds": None, "train_flops": None},
    }
    smoke["control"] = smoke["control"] | {"verdict": None, "effect": None, "p": None}
    document["claims"] = [smoke]
    write(tmp_path, document, source)
    page = Page(render(tmp_path).read_text(encoding="utf-8"))
    assert "· not judged" in page.text
    assert "None" not in page.text


def test_a_report_of_no_claims_says_so(tmp_path, document, source):
    document["claims"] = []
    write(tmp_path, document, source)
    assert "No claim was selected" in render(tmp_path).read_text(encoding="utf-8")


def test_the_summary_holds_one_row_a_claim_whatever_it_says(tmp_path, document, source):
    document["claims"][1]["statement"] = "a | b\nand *c* <d>"
    write(tmp_path, document, source)
    render(tmp_path)
    text = (tmp_path / "SUMMARY.md").read_text(encoding="utf-8")
    table = [row for row in text.splitlines() if row.startswith("|")]
    papers = text.count("\n| Claim | Tier |")
    assert papers == 2
    assert len(table) == 2 * papers + len(document["claims"])
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in table} == {9}
    assert r"| a \| b and \*c\* \<d\> | fast | refuted (expected supported) |" in table[3]
    assert "**He et al. 2022** – fast: 1 supported, 1 refuted, 1 inconclusive (1 cannot be measured)\n" in text


def test_the_networks_of_one_claim_have_rows_and_sections_of_their_own(tmp_path, document, source):
    networks = ("ResNet-18 on CIFAR-10", "ResNet-18 on CIFAR-100")
    document["claims"] = [document["claims"][0] | {"tier": "full", "network": network} for network in networks]
    write(tmp_path, document, source)
    page = Page(render(tmp_path).read_text(encoding="utf-8"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for network in networks:
        anchor = f"full-he2022-sdd_appears_under_label_noise-{network.replace(' ', '-')}"
        assert anchor in ids
        assert f"#{anchor}" in page.values("href")
    summary = (tmp_path / "SUMMARY.md").read_text(encoding="utf-8")
    assert [summary.count(f"| full, {network} | supported") for network in networks] == [1, 1]
    assert [summary.count(f" ({network})\n") for network in networks] == [1, 1]


def test_exploratory_questions_have_a_table_of_their_own(tmp_path, document, source):
    document["claims"][2]["exploratory"] = True
    write(tmp_path, document, source)
    text = render(tmp_path).read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    first, _, second = text[: text.index("<article")].partition('<h3 id="questions">Questions outside the register')
    assert "#questions" in page.values("href")
    anchors = [f"fast-{claim['id'].replace('/', '-')}" for claim in document["claims"]]
    assert [f"#{anchor}" in first for anchor in anchors] == [True, True, False, True]
    assert [f"#{anchor}" in second for anchor in anchors] == [False, False, True, False]
    assert set(anchors) <= set(page.values("id"))
    tables = (tmp_path / "SUMMARY.md").read_text(encoding="utf-8").split("Questions outside the register:")
    statement = document["claims"][2]["statement"]
    assert [table.count(f"| {statement}") for table in tables] == [0, 1]
    assert all("\n\n| Claim | Tier |" in table for table in tables)


def test_the_verdicts_of_one_paper_stand_together_under_its_name(tmp_path, document, source):
    first, second, third, other = document["claims"]
    document["claims"] = [first, other, second, third]
    write(tmp_path, document, source)
    text = render(tmp_path).read_text(encoding="utf-8")
    table = text[: text.index("<article")]
    places = [table.index(f"#fast-{claim['id'].replace('/', '-')}") for claim in (first, second, third, other)]
    assert places == sorted(places)
    papers = re.findall(r'data-paper="([^"]+)"', table)
    assert papers == ["He et al. 2022"] * 3 + ["Quétu &amp; Tartaglione 2023"]


def test_pruning_that_spares_nothing_is_not_said_to(tmp_path, document, source):
    costs = [claim["cost"] for claim in document["claims"]]
    costs[0]["kept_train_flops"] = costs[0]["train_flops"] / 2
    document["claims"] = document["claims"][:2]
    document["claims"][1]["cost"] = costs[0] | {"kept_train_flops": costs[0]["train_flops"]}
    write(tmp_path, document, source)
    assert Page(render(tmp_path).read_text(encoding="utf-8")).text.count("if pruned weights cost nothing") == 1


def test_windows_called_by_their_edges_and_those_of_one_curve_are_named_in_the_figure(tmp_path, document, source):
    claim = document["claims"][2]
    claim["windows"] = {"1": [1.0, 1.0], "10 %: critical": [0.01, 0.1]}
    document["claims"] = [claim]
    write(tmp_path, document, source)
    page = Page(render(tmp_path).read_text(encoding="utf-8"))
    (heard, *_) = (heard for heard in page.values("aria-label") if heard.startswith("Curves against"))
    assert heard.count("in the dense window") == 3
    assert heard.count("in the critical window") == 1
    assert "in the colour of the one curve" in page.text


def test_windows_with_the_edges_of_a_registered_phase_are_called_by_it_in_the_figure(tmp_path, document, source):
    """Two of one name would be one: they keep their edges."""
    other = document["claims"][0] | {"id": "he2022/other", "windows": {"0.018 to 0.036": [0.018, 0.036]}}
    document["claims"] = [document["claims"][0], other]
    write(tmp_path, document, source)
    assert "density 0.018 to 0.036" not in render(tmp_path).read_text(encoding="utf-8")
    other["windows"] = {"0.018 to 0.036": [0.018, 0.036], "critical": [0.02, 0.04]}
    write(tmp_path, document, source)
    assert "density 0.018 to 0.036" in render(tmp_path).read_text(encoding="utf-8")


def test_curves_along_two_axes_are_drawn_apart_each_with_its_own_windows(tmp_path, document, source):
    source.axes["noise020" * 8] = "penalty strength"
    claim = document["claims"][0]
    claim["windows"] = {"light": [0.3, 1.0], "strong": [0.01, 0.1]}
    claim["window_axes"] = {"light": "density", "strong": "penalty strength"}
    document["claims"] = [claim]
    write(tmp_path, document, source)
    page = Page(render(tmp_path).read_text(encoding="utf-8"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    along, dense = (heard for heard in page.values("aria-label") if heard.startswith("Curves against"))
    assert along.startswith("Curves against penalty strength. ")
    assert "strong window" in along
    assert "light window" not in along
    assert dense.startswith("Curves against density, dense on the left.")
    assert "registered windows of penalty strength" in page.text


def test_the_command_without_a_document_is_one_sentence(tmp_path, capsys):
    assert command.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: no claims.json can be read at")


def test_a_page_drawn_from_other_evidence_than_was_published_says_so(tmp_path, document, source):
    write(tmp_path, document, source)
    before = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "its SHA-256 is another" not in before
    evidence.write(tmp_path, evidence.Evidence({}, ""))
    assert "its SHA-256 is another" in render(tmp_path).read_text(encoding="utf-8")
    assert "its SHA-256 is another" in (tmp_path / "SUMMARY.md").read_text(encoding="utf-8")


def test_a_run_that_was_published_without_evidence_says_so_and_names_no_file_of_it(tmp_path, document):
    claims_json.write(tmp_path / "claims.json", document)
    assert "published without its evidence" in render(tmp_path).read_text(encoding="utf-8")
    assert "evidence.json.gz" not in (tmp_path / "SUMMARY.md").read_text(encoding="utf-8")


def test_a_document_that_cannot_be_written_leaves_what_stood_there(tmp_path, document, source):
    write(tmp_path, document, source)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    document["alpha"] = float("nan")
    document["claims"] = document["claims"][:1]
    with pytest.raises(InputError, match="cannot hold NaN"):
        write(tmp_path, document, source)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_figures_of_a_run_that_was_replaced_go_with_it(tmp_path, document, source):
    write(tmp_path, document, source)
    (figure,) = (tmp_path / "figures").glob("*.svg")
    stale = figure.with_name("zhang2024-another.svg")
    stale.write_text("<svg/>")
    write(tmp_path, document, source)
    assert list((tmp_path / "figures").iterdir()) == [figure]


def own(claim, **changes):
    """A claim on a network of the user's own."""
    network = "my.py:build on my.npz (0123abcd)"
    identity = {"id": "yours/question", "paper": "yours", "title": "Your own network", "network": network}
    return claim | identity | {"exploratory": True, "registrations": []} | changes


@pytest.fixture
def waiting(claim):
    """One whose pilots set no windows."""
    why = "yours/question with my.py:build on my.npz (0123abcd) [fast], noisy: the pilots show no dip"
    return own(
        claim,
        **dict.fromkeys(("effect", "p", "p_contrary", "p_holm", "threshold", "margin")),
        verdict="inconclusive",
        openness="cannot be measured",
        reason=f"no windows can be set, so that no seed has judged: {why}",
        words="",
        parts=[],
        looks=[],
        seeds=[0, 1, 2],
        control=claim["control"] | {"verdict": None, "effect": None, "p": None, "words": ""},
    )


def test_where_pilots_set_no_windows_they_are_called_so_and_no_test_is_shown(tmp_path, document, source, waiting):
    document["claims"] = [waiting]
    write(tmp_path, document, source)
    text = Page(render(tmp_path).read_text(encoding="utf-8")).text
    assert (
        "Inconclusive (cannot be measured) in the fast tier with my.py:build on my.npz (0123abcd), on 3 pilots (0–2): "
        "no windows can be set, so that no seed has judged: noisy: the pilots show no dip."
    ) in text
    assert "It would have been judged had the mean over the pilots shown a dip." in text
    assert "What was tested Nothing: no windows can be set" in text
    assert "Seeds 3 pilots" in text
    assert "3 seeds" not in text
    for absent in ("The test in full", "to be held against", "More numbers", "The control in numbers", " . "):
        assert absent not in text.partition("How to read a verdict")[0].replace(" . <", "")


def test_a_page_on_a_network_of_ones_own_has_its_title_and_names_no_paper_as_the_source(tmp_path, document, source):
    document["claims"] = [own(document["claims"][0])]
    document["yours"] = {
        "network": "my.py:build on my.npz (0123abcd)",
        "run": "{}",
        "noise": 0.2,
        "levels": 4,
        "block": 1000,
        "seeds": 12,
        "pilots": [0, 1, 2],
        "weight_decay": 0.01,
    }
    write(tmp_path, document, source)
    page = render(tmp_path).read_text(encoding="utf-8")
    title = "Sparse double descent on trial: my.py:build on my.npz (0123abcd)"
    assert f"<title>{title}</title>" in page
    assert f"<h1>{title}</h1>" in page
    text = Page(page).text
    assert "Each claim was asked of your own network and data. Networks were trained for it, and judged" in text
    assert "what a paper claims" not in text
    assert "Paper’s value" not in text
    assert "makes 20 % of the training labels wrong. Windows are set by 3 pilots, verdicts come from 12 seeds." in text
    assert (tmp_path / "SUMMARY.md").read_text(encoding="utf-8").startswith(f"# {title}\n")


@pytest.mark.parametrize("is_own", [True, False])
def test_windows_are_called_registered_where_they_are(tmp_path, document, source, is_own):
    words = {"words": "A dip in the registered windows has p = 1."}
    parts = [part | words for part in document["claims"][0]["parts"]]
    claim = document["claims"][0] | words | {"parts": parts, "control": document["claims"][0]["control"] | words}
    document["claims"] = [own(claim) if is_own else claim]
    write(tmp_path, document, source)
    text = Page(render(tmp_path).read_text(encoding="utf-8")).text
    assert ("A dip in the windows has p = 1." in text) is is_own
    assert ("Shaded: the windows of density that pilots set." in text) is is_own
    assert ("registered windows" in text) is not is_own
