import shlex

import pytest
from PIL import Image


@pytest.mark.slow
def test_each_command_proposes_the_next_until_there_is_an_image(
    cargan, tree, tiny_yaml, write_sound
):
    """As a stranger does: one command, then always the line that was proposed."""
    folder = tree.parent
    write_sound("clip.wav")
    done = cargan("preprocess", "--config", tiny_yaml, "--workers", 1, cwd=folder)
    followed = ["preprocess"]
    while done.status == 0 and followed[-1] != "generate":
        program, *words = shlex.split(done.next)
        assert program == "cargan"
        followed.append(words[0])
        done = cargan(*words, cwd=folder)
    assert done.status == 0, done.err
    assert followed == ["preprocess", "classifier", "train", "export", "generate"]
    assert done.out == "clip.png\n"
    with Image.open(folder / "clip.png") as image:
        assert image.size == (64, 64)
    assert (folder / "saved_models" / "tiny" / "1" / "saved_model.pb").is_file()
