import errno
import os

import click
import pytest
from cargan_cli import main as main_module
from cargan_cli.main import COMMANDS

import cargan_tf
from cargan_tf.errors import UserError


@pytest.fixture
def failing(monkeypatch):
    """Makes `cargan export` raise what it is given."""

    def fail(error):
        @click.command("export", context_settings={"ignore_unknown_options": True})
        @click.argument("words", nargs=-1)
        def command(words):
            raise error

        monkeypatch.setattr(main_module.LazyGroup, "get_command", lambda *_: command)

    return fail


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_cargan_alone_shows_the_commands_in_the_order_one_needs_them(cargan, words):
    done = cargan(*words)
    assert done.status == 0
    assert done.err == ""
    positions = [done.out.index(f"\n  {command} ") for command in COMMANDS]
    assert positions == sorted(positions)


def test_no_summary_of_a_command_is_cut_off(cargan):
    commands = cargan("--help").out.partition("Commands:")[2]
    assert commands
    assert "..." not in commands


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_says_what_it_does(command):
    params = main_module.cli.get_command(click.Context(main_module.cli), command).params
    assert all(param.help for param in params if isinstance(param, click.Option))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_the_screen(cargan, command):
    done = cargan(command, "--help")
    assert done.status == 0
    assert done.out.startswith(f"Usage: cargan {command} ")
    assert max(map(len, done.out.splitlines())) <= 100


def test_version(cargan):
    assert cargan("--version").out == f"cargan, version {cargan_tf.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tarin",), "no command 'tarin'. Did you mean 'train'? See cargan --help."),
        (("sample_data", "x"), "no command 'sample_data'. Did you mean 'sample-data'?"),
        (("zzz",), "no command 'zzz'. See cargan --help."),
        (("generate",), "Missing argument 'SOUND...'. See cargan generate --help."),
        (("train", "--gpu", "4"), "No such option '--gpu'."),
        (("train", "--gpus", "0"), "0 is not in the range"),
        (("train", "--gpus", "many"), "'many' is not a valid integer"),
        (("train", "a", "b"), "unexpected extra argument (b) See cargan train --help."),
        (("--quiet", "train"), "No such option '--quiet'"),
    ],
)
def test_a_slip_of_the_pen_is_told_in_one_line(cargan, words, said):
    assert said in cargan(*words).error


def test_a_user_error_is_one_line_and_status_2(cargan, failing):
    failing(UserError("what was wrong."))
    assert cargan("export").error == "Error: what was wrong."


@pytest.mark.parametrize("words", [("--debug", "export"), ("export", "--debug"), ("export", "a")])
def test_debug_shows_the_traceback_wherever_it_stands(cargan, failing, words):
    failing(UserError("what was wrong."))
    done = cargan(*words)
    assert done.status == 2
    assert done.err.endswith("Error: what was wrong.\n")
    assert ("Traceback" in done.err) == ("--debug" in words)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "place"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "place"),
        OSError("Unable to write (errno = 28, error message = 'No space left on device')"),
        RuntimeError("events.out; No space left on device\n\t [[{{node x}}]]"),
    ],
)
def test_a_full_disk_is_one_line_whoever_says_so(cargan, failing, error):
    failing(error)
    assert "the disk is full" in cargan("export").error


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EISDIR])
def test_what_the_system_refuses_is_named_with_its_place(cargan, failing, number):
    failing(OSError(number, os.strerror(number), "some/place"))
    assert cargan("export").error == f"Error: some/place: {os.strerror(number)}."


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), KeyError("x"), OSError("x")])
def test_a_fault_of_the_program_keeps_its_traceback(failing, error):
    failing(error)
    with pytest.raises(type(error)):
        main_module.main(["export"])


def test_ctrl_c_is_one_line_and_status_130(cargan, failing):
    failing(KeyboardInterrupt())
    done = cargan("export")
    assert (done.status, done.err.strip()) == (130, "Interrupted.")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("cargan tr", "train"),
        ("cargan train --virt", "--virtual-devices"),
        ("cargan s", "sam"),
    ],
)
def test_the_shell_completes(cargan, monkeypatch, typed, completed):
    monkeypatch.setenv("_CARGAN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert f"plain,{completed}" in cargan().out
