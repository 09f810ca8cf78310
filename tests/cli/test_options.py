import click
import pytest
from cargan_cli.options import config_options
from click.testing import CliRunner


@pytest.fixture
def command():
    @click.command()
    @config_options("paper")
    def command(config_name, overrides):
        click.echo(f"{config_name} {overrides}")

    return command


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ([], "None ()"),
        (["--config", "quickstart"], "quickstart ()"),
        (["--set", "a.b=1", "--set", "c.d=x y"], "None ('a.b=1', 'c.d=x y')"),
    ],
)
def test_options_are_handed_on(command, words, read):
    assert CliRunner().invoke(command, words).output.strip() == read


def test_help_names_the_default(command):
    assert "[default: paper]" in CliRunner().invoke(command, ["--help"]).output
