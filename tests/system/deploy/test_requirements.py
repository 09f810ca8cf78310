"""The lock of deployments against what the package asks for, without a network."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = ("serve", "page", "video")
TEXT = (ROOT / "deploy" / "requirements.txt").read_text("utf-8")


@pytest.fixture(scope="module")
def locked():
    """Name -> requirement, of each line that is not a hash or a comment."""
    lines = [line for line in TEXT.splitlines() if line[:1].isalnum()]
    requirements = [Requirement(line.removesuffix(" \\")) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


@pytest.mark.parametrize(
    "text",
    [*PROJECT["dependencies"], *(r for e in EXTRAS for r in PROJECT["optional-dependencies"][e])],
)
def test_what_the_package_asks_for_is_locked_within_its_bounds(locked, text):
    wanted = Requirement(text)
    (pin,) = locked[canonicalize_name(wanted.name)].specifier
    assert pin.operator == "=="
    assert wanted.specifier.contains(pin.version)


def test_every_line_has_a_hash_and_none_an_address():
    blocks = TEXT.split("\n    # via")
    assert "://" not in TEXT
    pinned = [line for line in TEXT.splitlines() if line[:1].isalnum()]
    assert all(line.endswith("\\") and "==" in line for line in pinned)
    assert TEXT.count("--hash=sha256:") >= len(pinned) > 50
    assert len(blocks) > 50
