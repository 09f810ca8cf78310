"""The commands of docs/how-to/static-site.md: `make web` is CI's, the others are run here."""

import re
import shlex
from pathlib import Path

import pytest
from helpers.docs import run_command
from helpers.web import WEB

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "static-site.md"


@pytest.mark.slow
def test_its_commands_run(built_site, cargan, tmp_path):
    (block,) = re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    build, write, serve = block.splitlines()
    assert build == "make web"
    assert build in (WEB.parent / ".ci" / "run").read_text("utf-8")
    run_command(shlex.split(write), tmp_path)
    assert {"index.html", "sw.js", "models.json"} <= {
        path.name for path in (tmp_path / "page").iterdir()
    }
    assert cargan(*shlex.split(write)[1:], cwd=tmp_path).next == serve
