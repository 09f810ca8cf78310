"""What the docs name exists: files, tests, modules and what their code imports."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PAGES.remove(ROOT / "CHANGELOG.md")  # it names what was
FOLDERS = (
    "benchmarks",
    "cargan_tf",
    "cli",
    "configs",
    "deploy",
    "docs",
    "examples",
    "tests",
    "web/src",
)
FILES = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
#: What the worked pages tell the reader to write.
TO_WRITE = {"brightness.py", "test_brightness.py", "flat_folder.py"}

for_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def file_exists(name: str) -> bool:
    return any(path.as_posix().endswith("/" + name) for path in FILES)


@for_each_page
def test_files_that_a_page_names_exist(page):
    named = set(re.findall(r"`([\w./-]+\.(?:py|css|js|c))(?:::\w+)?`", page.read_text("utf-8")))
    missing = {name for name in named if Path(name).name not in TO_WRITE and not file_exists(name)}
    assert not missing


@for_each_page
def test_tests_that_a_page_names_exist(page):
    named = re.findall(r"`([\w./-]*)(?:::)?(test_\w+)`", page.read_text("utf-8"))
    tests = "".join(path.read_text("utf-8") for path in FILES if path.name.startswith("test_"))
    missing = {name for _, name in named if f"def {name}(" not in tests}
    assert missing <= {"test_fraction"}  # a setting


@for_each_page
def test_modules_that_a_page_runs_exist(page):
    modules = re.findall(r"-m ((?:benchmarks|cargan_tf|tests)[\w.]*)", page.read_text("utf-8"))
    for module in modules:
        path = ROOT / module.rstrip(".").replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def names_of(module: str) -> set[str]:
    """What a module of the package defines or imports, read from its source."""
    path = ROOT / module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Constant(value=str(name)):  # the package's lazy names stand in a table
                names.add(name)
    return names | {file.stem for file in path.parent.glob("*") if path.name == "__init__.py"}


@for_each_page
def test_names_that_a_page_imports_exist(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    for block in blocks:
        imports = re.findall(r"^from (cargan_tf[\w.]*) import ([\w, ]+)", block, re.MULTILINE)
        for module, imported in imports:
            if module.rsplit(".", 1)[-1] + ".py" in TO_WRITE:
                continue
            for name in imported.split(","):
                assert name.strip() in names_of(module), f"{module} has no {name.strip()}"
