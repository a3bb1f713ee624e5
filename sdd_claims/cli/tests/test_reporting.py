from sdd_claims.cli.tests.conftest import edit


def test_a_page_is_drawn(call, published):
    done = call("report", published)
    assert done.exit_code == 0
    assert done.stdout.strip() == str(published / "index.html")
    assert (published / "index.html").stat().st_size


def test_several_runs_are_judged_again_and_the_worst_decides(call, published, tmp_path):
    done = call("rejudge", published)
    assert done.exit_code == 0
    assert "supported, as published" in done.stdout

    edit(published, lambda document: document["claims"][0].update(verdict="supported"))
    assert call("rejudge", published).exit_code == 1
    done = call("rejudge", published, tmp_path / "nothing")
    assert done.exit_code == 2
    assert f"{published}:\n" in done.stdout
    assert "DIFFERS: verdict: published supported" in done.stdout
    assert str(tmp_path / "nothing") in done.stderr
