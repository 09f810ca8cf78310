"""The docs site and its drawings."""

import importlib.util
import itertools
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from cargan_tf.config import ModelConfig

ROOT = Path(__file__).parents[3]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
DIAGRAMS = sorted((ROOT / "docs" / "diagrams").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


class References(HTMLParser):
    """What a page makes a browser load, and where it leads."""

    def __init__(self):
        super().__init__()
        self.loaded, self.links = [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.loaded.append(values.get("src"))
        if tag == "link" and values.get("rel") != "canonical":
            self.loaded.append(values.get("href"))
        if tag == "a":
            self.links.append(values.get("href"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install '.[docs]'")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    # Strict: any warning, such as of a link that leads nowhere, is an error.
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    return folder


def references(page):
    parser = References()
    parser.feed(page.read_text("utf-8"))
    parser.loaded = [reference for reference in parser.loaded if reference]
    return parser


@pytest.mark.slow
def test_every_page_of_docs_is_on_the_site(site):
    expected = {path.relative_to(ROOT / "docs").with_suffix("") for path in DOCS}
    found = {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}
    assert found - {Path("404")} == expected


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere_and_find_what_they_load(site):
    for page in sorted(set(site.rglob("*.html")) - {site / "404.html"}):
        loaded = references(page).loaded
        assert loaded
        for reference in loaded:
            assert not re.match(r"(\w+:)?//", reference), (page.name, reference)
            assert (page.parent / reference.partition("?")[0]).is_file(), (page.name, reference)
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(url\(|@import)\s*[\"']?(\w+:)?//", sheet.read_text("utf-8"))


@pytest.mark.slow
def test_no_link_leaves_the_site_by_a_path(site):
    for page in site.rglob("*.html"):
        links = [link for link in references(page).links if link and link.startswith("../")]
        assert not [
            link for link in links if not (page.parent / link).resolve().is_relative_to(site)
        ]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("a [module](../../cargan_tf/labels.py).", "a module (`cargan_tf/labels.py`)."),
        ("in [`models/unet.py`](../../cargan_tf/models/unet.py)", "in `cargan_tf/models/unet.py`"),
        ("[deploy/](../../deploy/README.md)", "deploy/ (`deploy/README.md`)"),
        ("see [results](results.md#more)", "see [results](results.md#more)"),
        ("see [data](../how-to/own-data.md)", "see [data](../how-to/own-data.md)"),
    ],
)
def test_links_out_of_docs_become_file_names(markdown, expected):
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site_hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="explanation/networks.md"))
    assert hooks.on_page_markdown(markdown, page=page) == expected


def test_links_out_of_docs_lead_to_files():
    links = {
        (page.relative_to(ROOT), path)
        for page in DOCS
        for path in re.findall(r"\]\((\.\./[^)#]+)\)", page.read_text("utf-8"))
    }
    assert links
    assert not [(page, path) for page, path in links if not (ROOT / page.parent / path).exists()]


@pytest.mark.parametrize("path", DIAGRAMS, ids=lambda path: path.stem)
def test_drawings_stay_within_their_frame_and_load_nothing(path):
    text = path.read_text("utf-8")
    assert "href" not in text
    assert "@import" not in text
    drawing = ElementTree.fromstring(text)
    _, _, width, height = map(float, drawing.get("viewBox").split())
    for box in drawing.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(key)) for key in ("x", "y", "width", "height"))
        assert min(x, y) >= 0
        assert x + w <= width
        assert y + h <= height
    assert drawing.find(f"{SVG}title").text
    assert drawing.find(f"{SVG}desc").text


def test_the_drawing_of_the_u_net_is_of_the_papers_u_net():
    from cargan_tf.models.unet import UNet

    size, expected = 256, {}
    network = UNet(size, ModelConfig())
    for level, block in enumerate(network.down):
        side = size // 2 ** (level + 1)
        expected[block.name] = (f"{side}×{side}×{block.convolution.filters}", "network")
    for block in network.up:
        side = size // 2 ** (int(block.name.removeprefix("up_")) + 1)
        kind = "attention" if block.attention else "network dropout" if block.dropout else "network"
        expected[block.name] = (f"{side}×{side}×{block.convolution.filters}", kind)

    drawing = ElementTree.parse(ROOT / "docs" / "diagrams" / "unet.svg").getroot()
    elements, generated = list(drawing), {}
    for box, words in itertools.pairwise(elements):
        name, separator, shape = (words.text or "").partition(" · ")
        if box.tag == f"{SVG}rect" and separator and name not in ("input", "image"):
            generated[name] = (shape, box.get("class"))
    assert generated == expected


#: Pages that show how a reader names a test of their own.
YOURS = {"test_brightness.py", "test_class_folders.py"}


def test_every_test_that_the_docs_name_is_there():
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    named = {
        name for page in DOCS for name in re.findall(r"\btest_\w+\.py\b", page.read_text("utf-8"))
    }
    assert named - YOURS <= there
