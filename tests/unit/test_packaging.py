"""That the metadata describes what is on the disk, without building anything."""

import ast
import importlib
import importlib.metadata
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest
import yaml

import cargan_tf

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def _folder(package):
    """Where ``package-dir`` puts it."""
    positions = SETUPTOOLS["package-dir"]
    known = package
    while known not in positions:
        known = known.rpartition(".")[0]
    return ROOT / positions[known] / Path(*package.removeprefix(known).lstrip(".").split("."))


def test_every_package_on_the_disk_is_listed():
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "cargan_tf").rglob("*.py")
    }
    elsewhere = {package for package in SETUPTOOLS["package-dir"] if package != "cargan_tf"}
    listed = set(SETUPTOOLS["packages"]) - elsewhere
    assert listed == on_disk


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_listed_package_is_there(package):
    assert (_folder(package) / "__init__.py").is_file()


def test_nothing_named_cli_or_configs_is_installed_at_the_top():
    assert {package.partition(".")[0] for package in SETUPTOOLS["packages"]} == {
        "cargan_tf",
        "cargan_cli",
    }


def _is_package(path):
    return path.name == "__pycache__" or (path / "__init__.py").is_file()


# Into saved_models/ people export what they like.
@pytest.mark.parametrize("package", sorted({*SETUPTOOLS["packages"]} - {"cargan_tf.saved_models"}))
def test_every_other_file_of_a_package_is_declared(package):
    patterns = SETUPTOOLS["package-data"].get(package, [])
    folder = _folder(package)
    here = [path for path in folder.iterdir() if not _is_package(path)]
    files = {file for path in here for file in ([path] if path.is_file() else path.rglob("*"))}
    others = {path for path in files if path.suffix not in (".py", ".pyc")}
    declared = {path for pattern in patterns for path in folder.glob(pattern)}
    assert others == declared


def test_configurations_are_found_through_the_package():
    shipped = {entry.name for entry in resources.files("cargan_tf.configs").iterdir()}
    assert {path.name for path in (ROOT / "configs").glob("*.yaml")} <= shipped


def test_the_entry_point_is_a_function():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="cargan")
    assert entry.value == PROJECT["project"]["scripts"]["cargan"]
    assert callable(entry.load())


def test_one_version():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert SETUPTOOLS["dynamic"]["version"] == {"attr": "cargan_tf.__version__"}
    assert importlib.metadata.version("cargan-tf") == cargan_tf.__version__


def test_the_version_is_written_plainly_so_that_a_build_imports_nothing():
    tree = ast.parse((ROOT / "cargan_tf" / "__init__.py").read_text("utf-8"))
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__version__"
    ]
    assert [ast.literal_eval(value) for value in values] == [cargan_tf.__version__]


def test_setup_py_holds_nothing_of_its_own():
    calls = [
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert len(calls) == 1
    assert not calls[0].args
    assert not calls[0].keywords


def test_licence_and_readme_are_there():
    for name in [PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]:
        assert (ROOT / name).is_file()


def test_the_types_are_marked_as_part_of_the_package():
    assert resources.files("cargan_tf").joinpath("py.typed").is_file()
    assert "py.typed" in SETUPTOOLS["package-data"]["cargan_tf"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == cargan_tf.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert all(author["family-names"] for author in citation["references"][0]["authors"])


def test_the_changelog_has_this_version():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[:2] == ["Unreleased", cargan_tf.__version__]
