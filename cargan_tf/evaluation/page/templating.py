"""Where the templates are, and how values become text in them."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment() -> Environment:
    """Escapes everything in ``*.html`` templates; a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("cargan_tf.evaluation.page"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["data_uri"] = _data_uri
    return made


def _data_uri(svg: str) -> str:
    """An SVG within the page itself."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
