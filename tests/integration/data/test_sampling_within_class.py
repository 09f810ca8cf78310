from cargan_tf.data.sampling import shuffled_within_class

IDS = [f"record {index}".encode() for index in range(30)]
LABELS = [index % 3 for index in range(29)] + [7]


def test_each_gets_another_of_its_class_and_each_is_taken_once():
    donor = shuffled_within_class(IDS, LABELS, seed=0)
    assert sorted(donor) == list(range(30))
    assert all(LABELS[position] == LABELS[other] for position, other in enumerate(donor))
    assert [position for position, other in enumerate(donor) if position == other] == [29]  # alone


def test_it_is_a_function_of_seed_and_records_not_of_their_order():
    by_name = {
        IDS[position]: IDS[other]
        for position, other in enumerate(shuffled_within_class(IDS, LABELS, seed=3))
    }
    turned = shuffled_within_class(IDS[::-1], LABELS[::-1], seed=3)
    assert {
        IDS[::-1][position]: IDS[::-1][other] for position, other in enumerate(turned)
    } == by_name
    assert list(shuffled_within_class(IDS, LABELS, seed=4)) != list(
        shuffled_within_class(IDS, LABELS, seed=3)
    )
