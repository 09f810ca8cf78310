import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.evaluation.html.report_page import write_html
from cargan_tf.training.run import Run, RunInfo

VOID = {"meta", "img", "source", "br", "link", "input"}


class Page(HTMLParser):
    """Elements and text of a page; fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] not in (["style"], ["title"]):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_config):
    run = Run(tmp_path_factory.mktemp("page") / "run")
    bands = tiny_config.audio.n_mels
    statistics = BandStatistics((0.0,) * bands, (1.0,) * bands)
    run.write_info(RunInfo(tiny_config, ("a", "b"), statistics, "data", "d" * 64, 1.0))
    line = {"step": 6, "kind": "training", "refined_l1": 0.25}
    run.stats.write_text(json.dumps(line) + "\n")
    return run


@pytest.fixture(scope="module")
def page(report, generated, run):
    path = run.path / "new folder" / "report.html"
    write_html(report, generated, run, path)
    return path.read_text("utf-8")


def test_names_from_data_are_text(page):
    parsed = Page(page)
    assert "<b>flute</b>" in parsed.text
    assert '"><script>alert(1)</script>' in parsed.text
    assert "runs/<i>tiny</i>" in parsed.text
    assert parsed.all("script") == []
    assert parsed.all("i") == []


def test_the_page_needs_nothing_else(page):
    parsed = Page(page)
    for _, attributes in parsed.elements:
        for name in ("src", "srcset", "href", "data", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (name, value)
    assert not re.search(r"url\(|@import", page)
    assert parsed.all("link") == []
    (policy,) = [meta for meta in parsed.all("meta") if meta.get("http-equiv")]
    assert policy["content"].startswith("default-src 'none'")


def test_who_cannot_see_it_is_told(page):
    parsed = Page(page)
    assert parsed.all("html") == [{"lang": "en"}]
    assert len(parsed.all("img")) > 50
    assert all(image["alt"] for image in parsed.all("img"))
    assert all(heading.get("scope") in ("col", "row") for heading in parsed.all("th"))
    levels = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    targets = {attributes.get("id") for _, attributes in parsed.elements}
    assert {link["href"].removeprefix("#") for link in parsed.all("a")} <= targets


def test_every_figure_stands_with_what_limits_it(page):
    text = Page(page).text
    for said in (
        "FID lower is better 200.0 floor 44.00 at its size 210.0 singular",
        "R@1 higher is better 0.250 95 %: 0.200 to 0.300 chance 0.167 – 0.167 chance 0.167 – 0.100",
        "12 images, fewer than a subset of 100: test, kid",
        "In the test split some clips hold no music",
        "All 12 clips of the train split hold music.",
        "Images of another run, runs/deaf",
        "configuration tiny, " + "c" * 64,
        "checkpoint step-6, " + "k" * 64,
        "keras 3.15",
        "evaluator a network 8 0.990 bilinear " + "f" * 64,
        "generator_width: 4",
        "test split, 12 of 20 pairs",
    ):
        assert said in text, said


def test_questions_are_answered_beside_what_a_deaf_model_reaches(page):
    text = Page(page).text
    asked = text.index("Does the image match the sound?")
    answer = text[asked : text.index("Of the refined images")]
    assert "0.250" in answer
    assert "by chance 0.167 class mean 0.167 deaf 0.100" in answer


def test_confusion_counts_every_clip(page):
    cells = re.findall(r'<td style="background[^>]*>(\d+)</td>', page)
    assert list(map(int, cells)) == [5, 1, 2, 4] * 2
    said = "double bass <b>flute</b> double bass 5 1 <b>flute</b> 2 4"  # columns, then rows
    assert Page(page).text.count(said) == 2


def test_another_data_set_than_that_of_the_training_is_told(report, generated, run, tmp_path):
    provenance = replace(report.provenance, trained_on_data_hash="e" * 64)
    path = tmp_path / "page.html"
    write_html(replace(report, provenance=provenance), generated, run, path)
    assert "another data set, dataset.json " + "e" * 64 in Page(path.read_text()).text


def test_little_is_enough(report, generated, run, tmp_path):
    """One split, the refined row alone, no network that names labels, nothing of the training."""
    split = report.splits[0]
    bare = replace(split, rows=(replace(split.rows[0], values={}),), confusions=(), subsets={})
    path = tmp_path / "page.html"
    untrained = Run(tmp_path / "untrained")
    untrained.write_info(run.read_info())
    little = replace(report, splits=(bare,), networks=(), skipped_metrics=())
    write_html(little, generated, untrained, path)
    text = Page(path.read_text()).text
    assert "No network that names labels was at hand." in text
    assert "Everything was measured." in text
    assert "Nothing was written down" in text
