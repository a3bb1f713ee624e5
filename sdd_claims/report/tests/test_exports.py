import csv
import io

import numpy as np
import pytest

from sdd_claims.errors import InputError
from sdd_claims.report import exports
from sdd_claims.report.alone import KINDS, figure_of
from sdd_claims.report.tests.conftest import DENSITY, LEVELS, SEEDS


def rows(claims, source):
    return list(csv.DictReader(io.StringIO(exports.curves_as_csv(claims, source))))


def test_every_number_of_a_claim_and_its_control_is_a_row(claim, source):
    found = rows([claim], source)
    assert len(found) == 4 * len(SEEDS) * LEVELS
    wanted = source.curves["noise020" * 8, "test_accuracy"]
    judged = [row for row in found if (row["part"], row["curve"]) == ("claim", "noisy")]
    assert [float(row["value"]) for row in judged] == wanted.ravel().tolist()
    assert [float(row["position"]) for row in judged[:LEVELS]] == DENSITY.tolist()
    last = judged[-1]
    assert (last["claim"], last["seed"], last["level"]) == (claim["id"], str(SEEDS[-1]), str(LEVELS - 1))
    assert (last["axis"], last["measure"], last["setting"]) == (
        "density",
        "test_accuracy",
        claim["runs"]["noisy"]["label"],
    )


def test_a_replica_that_diverged_has_no_value(claim, source):
    source.curves["noise020" * 8, "test_accuracy"][3, 5] = np.nan
    empty = [row for row in rows([claim], source) if row["value"] == ""]
    assert [(row["seed"], row["level"]) for row in empty] == [(str(SEEDS[3]), "5")]


def test_the_table_has_a_line_a_claim_with_as_many_cells_as_its_head(document):
    text = exports.verdicts_as_latex(document)
    lines = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(lines) == 1 + len(document["claims"])
    assert {line.count(" & ") for line in lines} == {7}
    assert r"he2022/sdd\_appears\_under\_label\_noise & fast & supported & 8.3~points & 7.1~to~9.5" in text


@pytest.mark.parametrize("ending", KINDS)
def test_a_figure_is_of_the_kind_that_its_ending_says_and_the_same_each_time(claim, source, ending):
    figure = figure_of(claim, source, KINDS[ending])
    assert figure.startswith({".svg": b"<svg ", ".pdf": b"%PDF-", ".png": b"\x89PNG"}[ending])
    assert figure == figure_of(claim, source, KINDS[ending])


def test_a_claim_without_curves_has_no_figure(claim, source):
    source.curves.clear()
    with pytest.raises(InputError, match=r"no figure: .*train it"):
        figure_of(claim, source, "pdf")
