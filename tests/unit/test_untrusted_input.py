"""What could let a stranger's file or request do more than it should; ruff's rules S say more."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    path for folder in ("cargan_tf", "cli") for path in sorted((ROOT / folder).rglob("*.py"))
]
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in MODULES}

#: Calls that run, or unpickle, what they are given, by their last name.
RUN_WHAT_THEY_GET = {
    *("eval", "exec", "compile", "loads", "load_model", "unsafe_load", "full_load", "system"),
    *("extractall", "extract", "literal_eval", "popen", "py_function", "numpy_function"),
}
#: Those of these names that do not.
HARMLESS = {"json.loads", "config.compile", "re.compile", "json_format.loads", "extract"}


def named(node):
    """``json.loads`` of a call."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        base = function.value
        return f"{base.id}.{function.attr}" if isinstance(base, ast.Name) else function.attr
    return ""


def calls():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield path, named(node), node


def test_nothing_runs_what_it_is_given():
    found = {
        (path, name)
        for path, name, _ in calls()
        if name.rpartition(".")[2] in RUN_WHAT_THEY_GET and name not in HARMLESS
    }
    # The input pipeline augments, and orders records, by functions of this project; no exported
    # graph has them.
    assert found == {
        ("cargan_tf/data/input_pipeline.py", "tf.numpy_function"),
        ("cargan_tf/data/sampling.py", "tf.numpy_function"),
    }


def test_pickles_are_read_by_the_reader_that_knows_its_names_alone():
    importing = {
        path
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and any(name.name == "pickle" for name in node.names)
    }
    assert importing == {"cargan_tf/interop/pytorch_pickle.py"}
    arrays = [node for _, name, node in calls() if name in ("np.load", "numpy.load")]
    allowed = [key for node in arrays for key in node.keywords if key.arg == "allow_pickle"]
    assert not [key for key in allowed if key.value.value is not False]


def test_style_checks_look_for_it():
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert not {"S102", "S301", "S307", "S506", "S202", "S104"} & set(lint["ignore"])


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_servers_listen_on_this_machine_alone_unless_told_otherwise(name):
    from cargan_cli.main import cli

    (host,) = [option for option in cli.get_command(None, name).params if option.name == "host"]
    assert host.default == "127.0.0.1"


def test_no_library_is_silenced_wholesale():
    """Warnings are passed over by category, message or module."""
    for path, name, node in calls():
        if name in ("warnings.filterwarnings", "warnings.simplefilter", "logging.disable"):
            said = {key.arg for key in node.keywords} & {"message", "module", "category"}
            assert said or len(node.args) > 1, (path, node.lineno)
            assert name != "logging.disable", path
