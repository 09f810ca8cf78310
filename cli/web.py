"""`cargan web`: a page that needs no server."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from cargan_cli.completion import complete_models
from cargan_cli.options import PATH


@click.command("web", short_help="Write a static page that runs a model in the browser.")
@click.argument("out", metavar="OUT", type=PATH)
@click.option(
    "--model",
    "models",
    type=PATH,
    multiple=True,
    metavar="NAME|PATH",
    shell_complete=complete_models,
    help="An exported model, or its name in `cargan models`. Repeatable: the page then offers a"
    " choice and loads the first.  [default: the first in `cargan models`]",
)
def command(out: Path, models: tuple[Path, ...]) -> None:
    """Write OUT, a folder that any web host can serve: a page that generates images in the
    visitor's browser, with the model beside it.

    Sounds stay in the browser. The page makes no request to another host, and works offline once it
    was loaded.
    """
    from cargan_tf.demo.static_site import write_site
    from cargan_tf.export.model_registry import default_model, exported_version

    if models:
        versions = [exported_version(model) for model in models]
    else:
        best = default_model()
        click.echo(f"Model: {best.describe()}", err=True)
        versions = [best.version]
    write_site(versions, out)
    serve = ("python", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(out))
    click.echo(f"Page: {out}\nNext: {shlex.join(serve)}")
