from hashlib import blake2b

from cargan_tf.data.splits import hash_order


def test_the_order_is_by_hash_and_of_equal_names_by_the_name():
    digest = blake2b(b"violin/violin01/500", digest_size=8).digest()
    assert hash_order("violin/violin01/500") == (digest, "violin/violin01/500")


def test_another_seed_gives_another_order():
    names = [f"recording{number}" for number in range(20)]
    orders = [sorted(names, key=lambda name: hash_order(name, seed)) for seed in (0, 1)]
    assert orders[0] != orders[1]
    assert sorted(names, key=hash_order) not in orders
    digest = blake2b(b"7/recording3", digest_size=8).digest()
    assert hash_order("recording3", 7) == (digest, "recording3")
