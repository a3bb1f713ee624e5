import json
import shutil

from sdd_claims.cli.tests.conftest import edit


def test_the_same_run_twice(call, published):
    done = call("diff", published, published)
    assert done.exit_code == 0
    assert "3 claims in both: 0 verdicts not the same, 3 the same in everything" in done.stdout.replace("\xa0", " ")


def test_another_verdict_by_another_protocol(call, published, tmp_path):
    other = shutil.copytree(published, tmp_path / "other")

    def change(document):
        document["claims"][0] |= {"verdict": "refuted", "protocol": "0" * 64, "deviations": ["half of the images"]}
        document["environment"]["hardware"] = "another machine"
        document["claims"].pop()

    edit(other, change)
    done = call("diff", published, other)
    said = " ".join(done.stdout.replace("\xa0", " ").split())
    assert done.exit_code == 1
    assert "inconclusive → refuted" in said
    assert "protocols differ" in said
    assert "1 claim judged by another protocol" in said
    assert 'deviations: ["' in said
    assert "→ another machine" in said
    assert "gone: zhang2024/learned_kernel_refit [full]: supported" in said
    assert "2 claims in both: 1 verdict not the same, 1 the same in everything" in said

    done = call("diff", "--json", published, other)
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert not found["same_verdicts"]
    assert [claim["comparable"] for claim in found["claims"]] == [False, True]
    assert [claim["id"] for claim in found["gone"]] == ["zhang2024/learned_kernel_refit"]
