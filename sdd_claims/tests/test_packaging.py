"""The wheel holds every package, the claims and the embedded data among them, and nothing under a name of its own."""

import tomllib

import pytest

from sdd_claims import locations
from sdd_claims.locations import bundled, checkout

TOP = bundled("claims").parent
SETUPTOOLS = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


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
