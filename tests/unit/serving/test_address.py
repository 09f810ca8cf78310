import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:8501", Address("http", "localhost", 8501, "cargan")),
        ("localhost", Address("http", "localhost", 8501, "cargan")),
        ("10.0.0.2:80/brass", Address("http", "10.0.0.2", 80, "brass")),
        ("http://host:1/", Address("http", "host", 1, "cargan")),
        ("https://host", Address("https", "host", 8501, "cargan")),
        ("grpc://host", Address("grpc", "host", 8500, "cargan")),
        ("grpcs://host:443/brass", Address("grpcs", "host", 443, "brass")),
        ("grpc://[::1]:8500", Address("grpc", "::1", 8500, "cargan")),
    ],
)
def test_an_address_is_read(text, address):
    assert parse_address(text) == address


def test_it_is_written_as_it_is_read():
    for text in ("grpc://[::1]:8500/brass", "http://host:80/cargan"):
        assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":8501",
        "ftp://host",
        "host:port",
        "host:99999",
        "host:1/a/b",
        "host:1?x=1",
        "a:b@host:1",
    ],
)
def test_what_is_no_address_is_answered_with_examples(text):
    with pytest.raises(UserError, match=r"Expected host:port, such as localhost:8501") as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)


def test_encryption_and_interface_follow_the_scheme():
    found = [parse_address(f"{scheme}://x") for scheme in ("http", "https", "grpc", "grpcs")]
    assert [address.encrypted for address in found] == [False, True, False, True]
    assert [address.speaks_grpc for address in found] == [False, False, True, True]
