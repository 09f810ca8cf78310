def test_data_models_and_sounds_may_be_elsewhere(cargan, tmp_path):
    for words in (
        ("train", "nowhere://b/data"),
        ("inspect", "nowhere://b/data"),
        ("generate", "nowhere://b/a.wav"),
        ("preprocess", "nowhere://b/source"),
    ):
        assert "cannot reach nowhere://b/" in cargan(*words, cwd=tmp_path).error
    assert not list(tmp_path.iterdir())
