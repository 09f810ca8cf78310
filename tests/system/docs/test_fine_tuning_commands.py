"""The commands of docs/how-to/fine-tuning.md run, from a tiny model on the tiny data set."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers.docs import TINY, run_command

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "fine-tuning.md"
#: What stands on the page -> what is run here: a tiny network, and a run to start from.
INSTEAD = {
    "--config players-128": "--config tiny.yaml",
    "--init-from players-128": "--init-from old",
}


@pytest.mark.slow
def test_its_commands_run(tiny_source, tmp_path):
    shutil.copytree(tiny_source, tmp_path / "recordings")
    config = TINY.replace("epochs: 20", "epochs: 2, minimum_accuracy: 0")
    (tmp_path / "tiny.yaml").write_text(f"name: players-128\n{config}")
    (block,) = re.findall(r"```console\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    commands = block.splitlines()
    assert len(commands) == 4
    for command in commands:
        for written, run in INSTEAD.items():
            command = command.replace(written, run)
        if "--init-from" in command:
            run_command(shlex.split("cargan train data --run old"), tmp_path)
            command += " --set training.steps=2 --set training.batch_size=4"
        run_command(shlex.split(command), tmp_path)
    run = json.loads((tmp_path / "runs" / "players-128-finetune" / "run.json").read_text())
    assert run["config"]["training"]["statistics"] == "initial"
    assert (tmp_path / "saved_models" / "mine" / "1" / "saved_model.pb").is_file()
