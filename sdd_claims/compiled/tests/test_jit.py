"""Where compiled code is kept, and what happens where it cannot be, or where nothing can be compiled."""

import math
import os
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import pytest

from sdd_claims import cache, compiled
from sdd_claims.compiled import why_missing

ROOT = Path(__file__).parents[3]

PROGRAM = """
import sys, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from sdd_claims.compiled import functions
    print(functions.exp(0.5))
for each in said:
    print(each.category.__name__, each.message, file=sys.stderr)
"""


def run(program: str = PROGRAM, **environment: str) -> tuple[str, str]:
    """What a new process prints, and what it has to say."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"NUMBA_CACHE_DIR", "XDG_CACHE_HOME"}}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],  # -P: this package comes from PYTHONPATH
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip(), done.stderr


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("sdd_claims/compiled-*/**/*.nbc"))


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME"])
def test_compiled_code_is_kept_and_taken_up_again(tmp_path, variable):
    first = run(**{variable: str(tmp_path / "cache")})
    assert first[1] == ""
    (code,) = kept(tmp_path / "cache")
    made = code.stat().st_mtime_ns
    assert run(**{variable: str(tmp_path / "cache")}) == first
    assert kept(tmp_path / "cache") == [code]
    assert code.stat().st_mtime_ns == made


def test_another_state_of_the_sources_has_code_of_its_own(tmp_path):
    """Numba would take up a function whose own file is as it was, though what it calls has changed."""
    package = tmp_path / "sdd_claims"
    (package / "compiled").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cache.py").write_bytes(Path(cache.__file__).read_bytes())
    for path in Path(compiled.__file__).parent.glob("*.py"):
        (package / "compiled" / path.name).write_bytes(path.read_bytes())
    for _ in range(2):
        run(NUMBA_CACHE_DIR=str(tmp_path / "cache"), PYTHONPATH=str(tmp_path))
        with (package / "compiled" / "updates.py").open("a") as updates:
            updates.write("# changed\n")
    assert len({path.relative_to(tmp_path / "cache").parts[1] for path in kept(tmp_path / "cache")}) == 2


def test_a_file_in_the_place_of_the_folder_is_said_once_and_code_is_compiled_all_the_same(tmp_path):
    (tmp_path / "cache").touch()
    found, said = run(NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert float(found) == pytest.approx(math.exp(0.5), rel=1e-15)
    (line,) = said.splitlines()
    assert line.startswith("UserWarning compiled code is not kept (")
    assert line.endswith(
        "so every process compiles for some seconds; set NUMBA_CACHE_DIR to a folder that can be written"
    )


def test_a_folder_that_refuses_to_be_written_is_said_as_well(tmp_path):
    """As that of another user."""
    refusing = "import os\nos.access = lambda *args, **kwargs: False\n"
    _, said = run(refusing + PROGRAM, NUMBA_CACHE_DIR=str(tmp_path))
    (line,) = said.splitlines()
    assert "cannot be written" in line
    assert kept(tmp_path) == []


def test_without_a_home_code_is_compiled_all_the_same():
    homeless = "import pathlib\ndef none(path): raise RuntimeError('no home')\npathlib.Path.expanduser = none\n"
    _, said = run(homeless + PROGRAM)
    assert said.splitlines() == [
        "UserWarning compiled code is not kept (no home), so every process compiles for some seconds; set "
        "NUMBA_CACHE_DIR to a folder that can be written"
    ]


@pytest.mark.parametrize(("kind", "size"), [("nbi", 0), ("nbc", 1000)])
def test_code_that_is_damaged_is_said_once_and_compiled_and_kept_anew(tmp_path, kind, size):
    """As by a crash of the machine: files that are empty, or end too early."""
    whole, _ = run(NUMBA_CACHE_DIR=str(tmp_path))
    for path in tmp_path.rglob(f"*.{kind}"):
        path.write_bytes(path.read_bytes()[:size])
    found, said = run(NUMBA_CACHE_DIR=str(tmp_path))
    (line,) = said.splitlines()
    assert "is damaged (" in line
    assert line.endswith("it is compiled and kept anew")
    assert (found, "") == (whole, "") == run(NUMBA_CACHE_DIR=str(tmp_path))


def test_code_of_other_types_than_the_index_says_is_not_run(tmp_path):
    """As two processes leave it that write at once."""
    program = PROGRAM.replace("exp(0.5)", "exp(0.5), functions.exp(1)")
    whole, _ = run(program, NUMBA_CACHE_DIR=str(tmp_path))
    one, other = kept(tmp_path)
    one.rename(tmp_path / "aside")
    other.rename(one)
    (tmp_path / "aside").rename(other)
    found, said = run(program, NUMBA_CACHE_DIR=str(tmp_path))
    assert found == whole
    assert "is damaged (it takes other types than its index says); it is compiled and kept anew" in said
    assert run(program, NUMBA_CACHE_DIR=str(tmp_path)) == (whole, "")


@pytest.mark.parametrize("room", [100, 2000])
def test_a_disk_that_is_full_is_said_once_and_ends_no_run(tmp_path, room):
    """Full before the index is written, or after it."""
    full = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
    found, said = run(f"{full}{PROGRAM}", NUMBA_CACHE_DIR=str(tmp_path))
    assert float(found) == pytest.approx(math.exp(0.5), rel=1e-15)
    (line,) = said.splitlines()
    assert "compiled code is not kept (" in line
    assert kept(tmp_path) == []
    assert run(NUMBA_CACHE_DIR=str(tmp_path)) == (found, "")
    assert len(kept(tmp_path)) == 1


def test_code_that_nobody_has_asked_for_in_thirty_days_goes_when_other_code_comes(tmp_path):
    cache = tmp_path / "sdd_claims"
    places = {name: cache / name for name in ("compiled-a/old", "compiled-a/new", "compiled-b/old", "compiled-c/new")}
    for place in places.values():
        place.mkdir(parents=True)
        (place / "code.nbc").touch()
    (cache / "other").mkdir()
    old = time.time() - 31 * 24 * 3600
    for place in cache.rglob("*"):
        if place.name != "new":
            os.utime(place, (old, old))
    run(NUMBA_CACHE_DIR=str(tmp_path))
    left = {path.relative_to(cache).as_posix() for path in cache.glob("*/*") if path in places.values()}
    assert left == {"compiled-a/new", "compiled-c/new"}
    assert not (cache / "compiled-b").exists()
    assert (cache / "other").exists()
    # What is asked for stays, though its files are as they were.
    (code,) = (path for path in kept(tmp_path) if path.name != "code.nbc")
    for place in (code, code.parent, code.parent.parent):
        os.utime(place, (old, old))
    run(NUMBA_CACHE_DIR=str(tmp_path))
    assert all(place.stat().st_mtime > old for place in (code.parent, code.parent.parent))


def test_code_can_be_compiled_where_numba_is_installed():
    assert why_missing() == ""


def test_numba_that_is_absent_or_broken_or_switched_off_is_named(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "find_spec", lambda name: None)
        assert why_missing() == "Numba is not installed"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        patch.setattr(compiled, "find_spec", lambda name: util.find_spec("sys"))
        assert why_missing().startswith("Numba cannot be imported (")
    program = "from sdd_claims.compiled import why_missing\nprint(why_missing())"
    assert run(program, NUMBA_DISABLE_JIT="1")[0] == "NUMBA_DISABLE_JIT is set"
