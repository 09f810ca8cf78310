"""The page's own upkeep, without a server."""

import os
import time

from cargan_tf.demo.page import delete_left_over


def test_only_old_files_of_unfinished_uploads_are_deleted(tmp_path):
    """Gradio's own files lie in folders; ``live.wav`` is what the live tab plays."""
    for name in ("tmpold", "tmpnew", "live.wav"):
        (tmp_path / name).touch()
    (tmp_path / "tmpfolder").mkdir()
    (tmp_path / "tmplink").symlink_to(tmp_path / "live.wav")
    for path in tmp_path.iterdir():
        if path.name != "tmpnew":
            os.utime(path, times=(time.time() - 100,) * 2)
    delete_left_over(tmp_path, 50)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"tmpnew", "live.wav", "tmpfolder", "tmplink"}
