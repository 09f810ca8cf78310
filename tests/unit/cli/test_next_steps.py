import signal

import click
import pytest
from cargan_cli.next_steps import Terminated, command_line, resumable, same_config


def test_a_command_line_is_quoted_for_the_shell(tmp_path):
    assert command_line("train", "my data", 3) == "cargan train 'my data' 3"


def test_the_configuration_of_a_command_is_named_again():
    assert same_config("tiny.yaml", ("a.b=1", "c.d=2")) == [
        *("--config", "tiny.yaml"),
        *("--set", "a.b=1"),
        *("--set", "c.d=2"),
    ]
    assert same_config(None, ()) == []


@pytest.mark.parametrize("typed", [["train", "my data"], ["train", "my data", "--resume"]])
def test_ctrl_c_says_how_to_go_on(typed):
    context = click.Context(click.Command("train"), obj=typed)
    with context, pytest.raises(click.Abort) as caught, resumable("--resume"):
        raise KeyboardInterrupt
    assert caught.value.args == ("Resume with: cargan train 'my data' --resume",)


def test_sigterm_says_so_too():
    context = click.Context(click.Command("train"), obj=["train"])
    with context, pytest.raises(Terminated) as caught, resumable("--resume"):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.args == ("Resume with: cargan train --resume",)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
