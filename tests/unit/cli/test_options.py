import click
import pytest
from cargan_cli.options import check_options, config_options
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


@pytest.fixture
def choosy():
    @click.command()
    @click.option("--one")
    @click.option("-t", "--two-words", is_flag=True)
    @click.pass_context
    def command(context, **_):
        check_options(context, exclusive=("one two_words",))
        check_options(context, together=("two_words one",)) if not context.params["one"] else None

    return command


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--one", "", "-t"], "--one and --two-words cannot be used together"),
        (["-t"], "--two-words requires --one"),
        (["--one", "1"], ""),
        ([], ""),
    ],
)
def test_options_that_do_not_fit_are_named_as_they_are_typed(choosy, words, said):
    done = CliRunner().invoke(choosy, words)
    assert said in done.output
    assert (done.exit_code == 0) == (said == "")


def test_what_must_be_on_a_disk_makes_no_folder_called_gs(cargan, tmp_path):
    for words in (("train", "data", "--run", "gs://b/run"), ("sample-data", "gs://b/data")):
        assert "is remote: expected a local path" in cargan(*words, cwd=tmp_path).error
    assert not list(tmp_path.iterdir())
