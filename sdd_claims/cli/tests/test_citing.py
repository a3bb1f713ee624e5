import re
import tomllib

import pytest

from sdd_claims.locations import bundled, checkout
from sdd_claims.registration.register import the_register
from sdd_claims.report.references import references

TOP = bundled("claims").parent
PAPERS = references()["papers"]


def test_citation_cff_is_what_the_references_make_of_it(call):
    made = call("cite", "--format", "cff").stdout
    assert made == (TOP / "CITATION.cff").read_text(encoding="utf-8"), "sdd-claims cite --format cff > CITATION.cff"


def test_the_suite_is_cited_in_the_version_and_under_the_licence_that_it_has():
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    suite = references()["suite"]
    of_code, _, of_digits = project["license"].partition(" AND ")
    assert (suite["version"], suite["license"]) == (project["version"], of_code)
    assert of_digits  # which are no part of what is cited


def test_every_paper_of_the_register_is_cited_by_its_name_title_and_year(call):
    titles = {claim.paper: claim.title for claim in the_register().claims.values()}
    assert PAPERS.keys() == titles.keys()
    for paper, reference in PAPERS.items():
        _, _, title = titles[paper].partition(", ")
        assert reference["title"].startswith(title.partition(" (")[0])
        assert str(reference["year"]) in titles[paper]
        assert paper.endswith(str(reference["year"]))
        assert reference["authors"][0].partition(",")[0] in titles[paper]


def test_the_readme_links_the_papers_where_the_references_do():
    linked = re.findall(r"arxiv\.org/abs/([\d.]+)", ((checkout() or TOP) / "README.md").read_text(encoding="utf-8"))
    assert sorted(linked) == sorted(paper["arxiv"] for paper in PAPERS.values() if "arxiv" in paper)


def test_all_are_cited_or_one(call):
    everything = call("cite").stdout
    assert re.findall(r"^@\w+\{(\w+),$", everything, re.MULTILINE) == ["sdd_claims", *PAPERS]
    assert everything.isascii()
    assert everything.count("{") == everything.count("}")
    for words, name in (("--suite", "sdd_claims"), ("quetu2023", "quetu2023")):
        alone = call("cite", words).stdout.strip()
        assert alone in everything
        assert alone.startswith(("@misc{" + name, "@inproceedings{" + name))
    assert r"author = {Qu{\'e}tu, Victor and Milovanovi{\'c}, Marta}," in everything


@pytest.mark.parametrize("words", [["he2022", "--suite"], ["he2022", "--format", "cff"], ["he2023"]])
def test_what_cannot_be_cited_is_said(call, words):
    done = call("cite", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
