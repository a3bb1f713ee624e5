"""The table of what trials would come to, from a run over pilots."""

from sdd_claims.report import claims_json
from sdd_claims.report.claims_json import ClaimsDocument, ForeseenEntry
from sdd_claims.report.power import main, to_markdown


def foreseen(document: ClaimsDocument) -> ClaimsDocument:
    looks = [[12, 24], [12], [12, 24, 48], [12, 24, 48, 96]]
    chances = [(0.7, 0.05), (0.3, 0.0), (0.9, 0.05), (0.95, 0.05)]
    document["claims"][0]["foreseen"] = [
        ForeseenEntry(looks=at, supported=claim, contrary=contrary, refutable=at[-1] > 12)
        for at, (claim, contrary) in zip(looks, chances, strict=True)
    ]
    return document


def test_a_row_says_what_is_expected_and_with_which_chance_by_every_scheme_of_looks(document):
    text = to_markdown(foreseen(document))
    claim = document["claims"][0]
    (row,) = [line for line in text.splitlines() if line.startswith("| ") and "12, 24 |" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == [
        claim["expected"],
        "12, 24",
        "0.70",
        "0.05",
        "0.30 / 0.75 / 0.95 / \\>\N{NO-BREAK SPACE}0.99",
        cells[-1],
    ]
    assert "0 of 1 registered trials are decided with a chance of 0.80 or more" in text


def test_a_run_without_pilots_is_an_error_that_says_what_to_do(document, tmp_path, capsys):
    claims_json.write(tmp_path / "claims.json", document)
    assert main([str(tmp_path)]) == 2
    assert "no trial of it looked at pilots; run pytest with --pilots" in capsys.readouterr().err


def test_a_table_that_cannot_be_written_is_an_error_in_a_sentence(document, tmp_path, capsys):
    claims_json.write(tmp_path / "claims.json", foreseen(document))
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main([str(tmp_path), "--write", str(tmp_path / "file" / "POWER.md")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_command_writes_the_table(document, tmp_path, capsys):
    claims_json.write(tmp_path / "claims.json", foreseen(document))
    assert main([str(tmp_path), "--write", str(tmp_path / "POWER.md")]) == 0
    assert (tmp_path / "POWER.md").read_text(encoding="utf-8") == to_markdown(document)
    capsys.readouterr()
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == to_markdown(document)
