from cargan_tf.data.input_pipeline import donors

IDS = [f"record {index}".encode() for index in range(30)]
LABELS = [index % 3 for index in range(29)] + [7]


def test_each_gets_another_of_its_class_and_each_is_taken_once():
    donor = donors(IDS, LABELS, seed=0)
    assert sorted(donor) == list(range(30))
    assert all(LABELS[place] == LABELS[other] for place, other in enumerate(donor))
    assert [place for place, other in enumerate(donor) if place == other] == [29]  # alone


def test_it_is_a_function_of_seed_and_records_not_of_their_order():
    by_name = {IDS[place]: IDS[other] for place, other in enumerate(donors(IDS, LABELS, seed=3))}
    turned = donors(IDS[::-1], LABELS[::-1], seed=3)
    assert {IDS[::-1][place]: IDS[::-1][other] for place, other in enumerate(turned)} == by_name
    assert list(donors(IDS, LABELS, seed=4)) != list(donors(IDS, LABELS, seed=3))
