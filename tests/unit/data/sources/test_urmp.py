import numpy as np
import pytest
import soundfile

from cargan_tf.data.sources.detection import find_source
from cargan_tf.data.sources.folder import LEADS_OUT
from cargan_tf.data.sources.urmp import find_urmp, read_urmp
from cargan_tf.errors import UserError


@pytest.fixture
def release(tmp_path, write_video):
    """Two pieces: a duo of 2.3 s and a solo whose sound is shorter than its video."""
    root = tmp_path / "URMP" / "Dataset"

    def piece(name, *tracks, seconds):
        folder = root / name
        title = "_".join(name.split("_")[:2])
        write_video(folder / f"Vid_{title}.mp4", 2.6)
        for number, code in enumerate(tracks, 1):
            path = folder / f"AuSep_{number}_{code}_{title}.wav"
            times = np.arange(round(8_000 * seconds)) / 8_000
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * number * times), 8_000)
        soundfile.write(folder / f"AuMix_{title}.wav", np.zeros(8_000), 8_000)

    piece("01_Jupiter_vn_vc", "vn", "vc", seconds=2.3)
    piece("02_Solo_tpt", "tpt", seconds=1.2)
    return root


def test_pairs_of_each_player_and_half_second(release):
    assert find_urmp(release) == find_urmp(release.parent) == release
    source = read_urmp(release, 500)
    assert [(p.label, p.recording, p.start_ms) for p in source.pairs] == [
        *[("cello", "01_Jupiter_vn_vc-2", start) for start in (0, 500, 1000, 1500)],
        *[("trumpet", "02_Solo_tpt-1", start) for start in (0, 500)],
        *[("violin", "01_Jupiter_vn_vc-1", start) for start in (0, 500, 1000, 1500)],
    ]
    cello = source.pairs[1]
    assert cello.audio.name == "AuSep_2_vc_01_Jupiter.wav"
    assert cello.image.name == "Vid_01_Jupiter.mp4"
    assert (cello.offset_ms, cello.frame_ms, cello.strip) == (500, 500, (1, 2))
    assert cello.group == "01_Jupiter_vn_vc"
    assert not source.skipped


def test_what_is_left_out(release):
    folder = release / "01_Jupiter_vn_vc"
    (folder / "AuSep_1_vn_01_Jupiter.wav").rename(folder / "AuSep_1_kazoo_01_Jupiter.wav")
    (folder / "AuSep_2_vc_01_Jupiter.wav").write_text("no sound")
    (release / "02_Solo_tpt" / "Vid_02_Solo.mp4").write_bytes(b"no video")
    (release / "Supplementary").mkdir()
    source = read_urmp(release, 500)
    assert not source.pairs
    reasons = {item.what: item.why for item in source.skipped}
    assert "'kazoo' is not one of URMP's 13 codes" in str(reasons)
    assert "cannot be read as sound" in reasons["01_Jupiter_vn_vc/AuSep_2_vc_01_Jupiter.wav"]
    assert "cannot be read as a video" in reasons["02_Solo_tpt/Vid_02_Solo.mp4"]
    assert reasons["Supplementary"] == "no AuSep_*.wav and Vid_*.mp4 in it"
    with pytest.raises(UserError, match=r"no pair of sound and image; skipped: 4"):
        find_source(release)


def test_other_folders_are_not_taken(tmp_path):
    assert find_urmp(tmp_path) is None
    assert find_urmp(tmp_path / "gone") is None


def test_links_out_of_the_release_are_skipped_by_name(release, tmp_path_factory):
    outside = tmp_path_factory.mktemp("mine")
    for name in ("01_Jupiter_vn_vc/AuSep_1_vn_01_Jupiter.wav", "02_Solo_tpt"):
        (release / name).rename(outside / "moved")
        (release / name).symlink_to(outside / "moved")
        outside = tmp_path_factory.mktemp("mine")
    source = read_urmp(release, 500)
    assert {pair.label for pair in source.pairs} == {"cello"}
    assert {item.what: item.why for item in source.skipped} == {
        "01_Jupiter_vn_vc/AuSep_1_vn_01_Jupiter.wav": LEADS_OUT,
        "02_Solo_tpt": LEADS_OUT,
    }
