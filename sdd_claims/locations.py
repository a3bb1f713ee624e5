"""Where the claims and the embedded data lie: at the top of a checkout, or inside the installed package."""

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent


def bundled(folder: Literal["claims", "fixtures"]) -> Path:
    """A folder that travels with the package: the wheel maps it into the package itself."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def checkout() -> Path | None:
    """The top of the checkout that this package runs from; None where it is installed from a wheel."""
    top = _PACKAGE.parent
    return top if (top / "claims").is_dir() and (top / "pyproject.toml").is_file() else None
