import base64

import jinja2
import pytest

from cargan_tf.evaluation.html.formatting import environment


def test_names_from_data_are_escaped_in_every_template_of_a_page():
    made = environment()
    pages = [name for name in made.list_templates() if name.endswith("html.jinja")]
    assert pages
    for name in pages:
        assert made.autoescape(name), name


def test_a_name_that_is_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="nobody"):
        environment().from_string("{{ nobody }}").render()


def test_a_drawing_is_carried_within_the_page():
    text = environment().from_string("{{ '<svg>é</svg>' | data_uri }}").render()
    kind, _, content = text.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content).decode() == "<svg>é</svg>"
