"""`cargan serve`: REST and gRPC for trying a model out, as TensorFlow Serving answers them."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.completion import complete_models
from cargan_cli.options import (
    ANY_PATH,
    allow_host_option,
    check_options,
    host_option,
    log_json_option,
)
from cargan_cli.sounds import model_option

from cargan_tf.serving.address import GRPC_PORT, MODEL_NAME, REST_PORT
from cargan_tf.serving.server.limits import Limits

#: Bytes.
MEGABYTE = 1024 * 1024


@click.command("serve", short_help="Serve REST and gRPC requests for local testing.")
@click.argument(
    "model_path", metavar="[MODEL]", type=ANY_PATH, required=False, shell_complete=complete_models
)
@model_option
@click.option(
    "--name", default=MODEL_NAME, show_default=True, help="Name of the model in requests."
)
@host_option
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    default=REST_PORT,
    show_default=True,
    help="Port for REST; 0 picks a free one.",
)
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65535),
    default=GRPC_PORT,
    show_default=True,
    help="Port for gRPC; 0 picks a free one.",
)
@allow_host_option
@click.option(
    "--max-request-mb",
    type=click.IntRange(1),
    default=Limits.request_bytes // MEGABYTE,
    show_default=True,
    help="Maximum size of a request.",
)
@click.option(
    "--max-requests",
    type=click.IntRange(1),
    default=Limits.requests,
    show_default=True,
    help="Maximum number of requests at once.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=Limits.seconds,
    show_default=True,
    help="Seconds before a request times out.",
)
@log_json_option
@click.pass_context
def command(
    context: click.Context,
    model_path: Path | None,
    model: Path | None,
    name: str,
    host: str,
    rest_port: int,
    grpc_port: int,
    allow_hosts: tuple[str, ...],
    max_request_mb: int,
    max_requests: int,
    timeout: float,
    log_json: bool,
) -> None:
    """Answer TensorFlow Serving's REST and gRPC calls with MODEL, an exported model.

    MODEL is a path or a name in `cargan models`, the same as --model. For local testing: by default
    only this machine can connect. For production, deploy/ runs TensorFlow Serving. Ctrl-C stops it
    after the requests in progress.
    """
    from cargan_cli.logs import new_reporter
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    from cargan_tf.export.model_registry import default_model, exported_version
    from cargan_tf.serving.server.limits import check_dependencies

    check_options(context, exclusive=("model_path model",))
    model = model or model_path
    check_dependencies()
    if model is not None:
        import_for(model)
    version = exported_version(model or default_model().version)
    import_tensorflow()
    from cargan_tf.serving.server.serve import Endpoint, serve

    limits = Limits(request_bytes=max_request_mb * MEGABYTE, requests=max_requests, seconds=timeout)
    serve(
        version,
        name,
        Endpoint(host, rest_port, grpc_port, allow_hosts),
        limits,
        new_reporter(log_json, seed=None),
    )
