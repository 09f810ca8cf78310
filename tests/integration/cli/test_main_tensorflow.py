import pytest
from cargan_cli.main import RENAMED_OPTIONS


@pytest.mark.parametrize(("old", "new"), RENAMED_OPTIONS.items())
def test_an_option_of_version_0_1_is_answered_with_its_new_name(cargan, old, new):
    commands = {
        "--walk": "explore",
        "--sheet": "generate",
        "--beside": "evaluate",
        "--judge": "classifier",
    }
    error = cargan(commands.get(old, "reproduce"), "x", old, "y").error
    assert error == f"Error: {old} is called {new} since version 0.2: use {new}."
