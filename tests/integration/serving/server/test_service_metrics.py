from cargan_tf.serving.server.service import Metrics


def test_the_page_holds_what_was_counted():
    metrics = Metrics(max_batch=4)
    metrics.requests.labels("rest", "OK").inc()
    metrics.seconds.labels("rest").observe(0.3)
    metrics.batch.observe(3)
    metrics.in_flight.set(2)
    lines = metrics.page().decode().splitlines()
    for line in (
        'cargan_requests_total{interface="rest",status="OK"} 1.0',
        'cargan_request_seconds_bucket{interface="rest",le="0.25"} 0.0',
        'cargan_request_seconds_bucket{interface="rest",le="0.5"} 1.0',
        'cargan_batch_sounds_bucket{le="2.0"} 0.0',
        'cargan_batch_sounds_bucket{le="3.0"} 1.0',
        "cargan_requests_in_flight 2.0",
    ):
        assert line in lines


def test_two_servers_count_apart():
    one, other = Metrics(4), Metrics(4)
    one.batch.observe(1)
    assert "cargan_batch_sounds_count 1.0" in one.page().decode()
    assert "cargan_batch_sounds_count 0.0" in other.page().decode()
