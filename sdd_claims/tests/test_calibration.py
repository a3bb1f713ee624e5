import json

import pytest

from benchmarks.calibration import main
from sdd_claims.registration.register import the_register
from sdd_claims.stats.population import AS_PILOTS_VARY


def test_the_command_writes_what_a_report_shows(tmp_path, capsys):
    file = tmp_path / "calibration.json"
    main(["--studies", "20", "--write", str(file)])
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["command"] == "python -m benchmarks.calibration --studies 20"
    assert found["measured"].startswith("Measured on 2")
    assert found["threshold"] == the_register().alpha / the_register().registered
    assert AS_PILOTS_VARY in {row["null"] for row in found["size"]}
    assert {row["repetitions"] for row in (*found["size"], *found["power"])} == {20}
    assert capsys.readouterr().out == ""
    assert set(tmp_path.iterdir()) == {file}


@pytest.mark.parametrize("option", ["--studies", "--processes"])
def test_a_number_that_measures_nothing_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        main([option, "0"])
    assert f"{option} must be 1 or more, got 0" in capsys.readouterr().err
