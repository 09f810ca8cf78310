"""A form as a browser sends it, piece by piece; with a server: ``test_page_visitors.py``."""

import asyncio

import pytest
from starlette.formparsers import MultiPartException

from cargan_tf.demo import uploads
from cargan_tf.demo.uploads import BoundedUpload, RefusedRequest, UploadQuota

BOUNDARY = b"x"


def received(pieces, ended=True):
    """What an upload of ``pieces`` hands on, the bytes that were counted, and the upload."""
    messages = [
        {"type": "http.request", "body": piece, "more_body": position + 1 < len(pieces)}
        for position, piece in enumerate(pieces)
    ]
    if not ended:
        messages[-1] = {"type": "http.disconnect"}
    counted = []

    async def run():
        coming = iter(messages)

        async def receive():
            return next(coming)

        upload = BoundedUpload(receive, BOUNDARY, counted.append)
        bodies = []
        try:
            for _ in messages:
                bodies.append((await upload())["body"])
        except MultiPartException:
            pass
        return bodies, upload

    bodies, upload = asyncio.run(run())
    return bodies, sum(counted), upload


def test_what_is_within_bounds_is_handed_on_and_counted():
    bodies, counted, upload = received([b"--x\r\n", b"abc", b"--x--"])
    assert bodies == [b"--x\r\n", b"abc", b"--x--"]
    assert (counted, upload.refused) == (13, None)


def test_a_mark_in_two_pieces_begins_a_part(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_PARTS", 1)
    assert received([b"--x a -", b"-x--"])[2].refused is None
    assert received([b"--x a -", b"-x b --x--"])[2].refused.status == 400


def test_too_many_bytes_are_refused_whatever_the_form_holds(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BODY", 10)
    bodies, _, upload = received([b"--x\r\n", b"123456", b"never read"])
    assert bodies == [b"--x\r\n"]
    assert upload.refused.status == 413


def test_of_a_visitor_who_goes_away_gradio_is_told_that_the_form_is_damaged():
    assert received([b"--x\r\n", b""], ended=False)[2].refused.status == 400


def test_visitors_have_a_quota_each_and_one_together(monkeypatch):
    monkeypatch.setattr(uploads, "VISITOR_BYTES", 10)
    monkeypatch.setattr(uploads, "ALL_BYTES", 15)
    quota = UploadQuota()
    quota.take("a", 10)
    with pytest.raises(RefusedRequest, match="too much was uploaded") as caught:
        quota.take("a", 1)
    assert caught.value.status == 429
    quota = UploadQuota()
    quota.take("a", 8)
    with pytest.raises(RefusedRequest):
        quota.take("b", 8)
