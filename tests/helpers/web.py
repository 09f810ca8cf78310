"""The page without a server, built once and served on this machine as any web host would."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WEB = Path(__file__).parents[2] / "web"


@dataclass
class Host:
    """A web host.

    Attributes:
        address: of the page.
        missing: endings of paths that it does not find.
        damaged: endings of paths of which it changes the last byte.
        asked: paths that were asked for.
    """

    address: str = ""
    missing: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, host: Host, **options: Any) -> None:
        self.host = host
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.host.asked.append(path)
        if path.endswith(tuple(self.host.missing)):
            self.send_error(404)
        elif path.endswith(tuple(self.host.damaged)):
            content = bytearray(Path(self.translate_path(path)).read_bytes())
            content[-1] ^= 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def hosted(folder: Path) -> Iterator[Host]:
    """Serve a folder as long as the context lasts."""
    host = Host()
    handler = functools.partial(_Handler, directory=str(folder), host=host)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host.address = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page as `make web` builds it, in the place where `cargan web` looks for it."""
    if shutil.which("npx") is None:
        pytest.skip("Node.js is not installed (apt-get install nodejs npm)")
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the packages of web/ are not installed: make web")
    folder = tmp_path_factory.mktemp("built") / "site"
    command = ("npx", "vite", "build", "--outDir", str(folder), "--logLevel", "warn")
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cargan_tf.demo.static_site.SITE", folder)
        yield folder


def shown_pixels(page: Any, key: str = "image") -> np.ndarray:
    """[height, width, 3]: what a canvas shows."""
    height, width, values = page.driver.execute_script(
        "const canvas = document.getElementById(arguments[0]);"
        "const {height, width} = canvas;"
        "const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);"
        "return [height, width, Array.from(data)]",
        key,
    )
    return np.array(values, np.int16).reshape(height, width, 4)[..., :3]


def fact(page: Any, name: str) -> str | None:
    """What the page notes of itself: ``label``, ``backend``, ``threads``, ``rate``, ..."""
    return page.driver.execute_script(
        "return document.documentElement.dataset[arguments[0]] ?? null", name
    )
