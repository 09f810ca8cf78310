import pytest

from cargan_tf.serving.address import parse_address
from cargan_tf.serving.client import client

ADDRESS = parse_address("grpc://studio:9000/players")


@pytest.mark.parametrize(
    ("error", "next_step"),
    [
        (client.no_server(ADDRESS), "'cargan serve' starts one"),
        (client.not_serving(ADDRESS), "check host and port"),
        (client.no_model(ADDRESS, "it has 'other'"), "grpc://studio:9000/NAME"),
        (client.no_metadata(ADDRESS), "export the run again with 'cargan export', and serve that"),
        (client.too_late(ADDRESS, 2.5), "within 2.5 s"),
        (client.busy(ADDRESS), "try again later"),
        (client.refused(ADDRESS, "no label"), "refused: no label"),
    ],
)
def test_a_failure_names_the_server_and_what_to_do(error, next_step):
    said = str(error)
    assert "studio:9000" in said
    assert next_step in said
    assert "\n" not in said
