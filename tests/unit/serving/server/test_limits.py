from cargan_tf.serving.server.limits import Limits


def test_what_the_comments_say_of_16_megabytes_holds():
    limit = Limits().request_bytes
    assert limit >= 180 * 44_100 * 2  # three minutes of mono
    assert limit >= 30 * 22_050 * 20  # a number in JSON takes some 20 bytes
