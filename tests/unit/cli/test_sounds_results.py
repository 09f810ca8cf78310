import json
from pathlib import Path

import pytest
from cargan_cli.sounds import Results

from cargan_tf.errors import UserError
from cargan_tf.inference.image_io import STANDARD
from cargan_tf.inference.result import Recognition


class Made:
    label_weights = {"double_bass": 0.4, "violin": 0.6}  # noqa: RUF012
    confidence = 0.876
    recognition = Recognition({"double_bass": 0.876, "violin": 0.1}, none=0.024)

    def warnings(self):
        return ["a warning"]


@pytest.fixture
def said(capsys):
    def read():
        captured = capsys.readouterr()
        return captured.out, captured.err

    return read


def test_people_get_the_path_and_beside_it_what_there_is_to_know(said):
    Results(as_json=False).generated(Path("a.wav"), Path("a.png"), Made())
    assert said() == (
        "a.png\n",
        "a.wav: sounds like double bass (88%)\na.wav: a warning\n",
    )


def test_an_image_on_standard_output_stands_alone_there(said):
    Results(as_json=False).generated(Path("a.wav"), STANDARD, Made())
    assert said()[0] == ""


def test_programs_get_one_object_a_line(said):
    results = Results(as_json=True)
    results.generated(Path("ä.wav"), Path("a.png"), Made(), start=0.5)
    results.failed(Path("b.wav"), UserError("no sound"))
    out, err = said()
    first, second = map(json.loads, out.splitlines())
    assert first == {
        "path": "ä.wav",
        "label": "violin",
        "label_weights": {"double_bass": 0.4, "violin": 0.6},
        "confidence": 0.876,
        "recognition": {
            "best": [
                {"label": "double_bass", "probability": 0.876},
                {"label": "violin", "probability": 0.1},
            ],
            "none": 0.024,
            "silent": False,
        },
        "start": 0.5,
        "warnings": ["a warning"],
        "output": "a.png",
    }
    assert second == {"path": "b.wav", "error": "no sound"}
    assert err == "Error: no sound\n"
    assert results.failures == 1
