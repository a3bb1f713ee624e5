"""Where the claims and the embedded data lie, in a checkout or inside the installed package; and the user's home."""

from pathlib import Path
from typing import Literal

from sdd_claims.errors import InputError

_PACKAGE = Path(__file__).parent


def bundled(folder: Literal["claims", "fixtures"]) -> Path:
    """A folder that travels with the package: the wheel maps it into the package itself."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def checkout() -> Path | None:
    """The top of the checkout that this package runs from; None where it is installed from a wheel."""
    top = _PACKAGE.parent
    return top if (top / "claims").is_dir() and (top / "pyproject.toml").is_file() else None


def in_home(path: str | Path, remedy: str) -> Path:
    """A path with `~` in place of the home folder, written out and absolute.

    Raises:
        InputError: it begins with `~`, and the user has no home folder, as in many containers; `remedy` says what to
            give instead.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise InputError(f"{path} cannot be found: there is no such home folder here; {remedy}") from error
