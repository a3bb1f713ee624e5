"""The wheel holds every package, the claims and the embedded data among them, and nothing under a name of its own."""

import re
import tomllib

import pytest

from sdd_claims import locations
from sdd_claims.engines import cluster
from sdd_claims.locations import bundled, checkout
from sdd_claims.machine import energy
from sdd_claims.storage import remote_files

TOP = bundled("claims").parent
PYPROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]

OF_AN_INDEX = re.compile(r"sdd[-_]claims\[|(install|add|download)\b[^\n`|]*(?<![\w/.-])sdd[-_]claims(?![\w./-])")
"""Words that would have an index asked for this project, under a name that nobody has registered there."""


def test_every_folder_of_code_is_a_package_of_the_wheel():
    of_package = {path.parent for path in (TOP / "sdd_claims").rglob("__init__.py")}
    of_claims = {path.parent for path in (TOP / "claims").rglob("__init__.py")}
    names = {str(path.relative_to(TOP)).replace("/", ".") for path in of_package}
    names |= {f"sdd_claims.{path.relative_to(TOP)}".replace("/", ".") for path in of_claims}
    assert set(SETUPTOOLS["packages"]) == names | {"sdd_claims.fixtures"}


def test_no_package_lands_under_a_name_of_its_own():
    assert {name.partition(".")[0] for name in (*SETUPTOOLS["packages"], *SETUPTOOLS["package-dir"])} == {"sdd_claims"}


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("sdd_claims.claims", "claims/register.toml"),
        ("sdd_claims.claims", "claims/he2022/windows.json"),
        ("sdd_claims.claims", "claims/quetu2023/windows.json"),
        ("sdd_claims.claims", "claims/zhang2024/windows.json"),
        ("sdd_claims.fixtures", "fixtures/mnist_small.npz"),
        ("sdd_claims.fixtures", "fixtures/calibration.json"),
    ],
)
def test_the_data_that_the_fast_tier_reads_travels_with_the_package(package, file):
    folder = TOP / SETUPTOOLS["package-dir"][package]
    carried = {path for pattern in SETUPTOOLS["package-data"][package] for path in folder.glob(pattern)}
    assert TOP / file in carried


def test_what_is_installed_is_found_inside_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(locations, "_PACKAGE", tmp_path / "site-packages" / "sdd_claims")
    (tmp_path / "site-packages" / "sdd_claims" / "claims").mkdir(parents=True)
    assert bundled("claims") == tmp_path / "site-packages" / "sdd_claims" / "claims"
    assert checkout() is None


@pytest.mark.parametrize(
    "advice", ["pip install sdd-claims[cluster]", "pip install 'sdd_claims[x]'", "uv add sdd-claims"]
)
def test_advice_to_ask_an_index_for_this_project_is_found(advice):
    assert OF_AN_INDEX.search(advice)


def test_no_advice_asks_an_index_for_this_project():
    """Whoever took the name there would be installed."""
    folders = ("sdd_claims", "claims", "docs", "fixtures", "benchmarks", "reports", ".ci")
    texts = [path for folder in folders for path in (TOP / folder).rglob("*")] + [*TOP.iterdir()]
    for path in texts:
        if path.suffix in {".py", ".md", ".toml", ".j2", ".yml", ".cff", ""} and path.is_file() and path.name != ".git":
            if path.samefile(__file__):
                continue
            found = OF_AN_INDEX.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{path}: {found and found[0]}"


@pytest.mark.parametrize(
    ("advice", "extra"), [(cluster.INSTALL, "cluster"), (remote_files.INSTALL, "cluster"), (energy.INSTALL, "carbon")]
)
def test_advice_to_install_an_extra_names_the_package_itself(advice, extra):
    assert advice.startswith("pip install ")
    assert advice.removeprefix("pip install ").strip("'") in PYPROJECT["project"]["optional-dependencies"][extra]
