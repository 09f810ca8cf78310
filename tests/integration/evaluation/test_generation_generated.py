def test_classes_are_the_places_of_the_ones(generated):
    for split in generated.values():
        names = [split.labels[position] for position in split.classes]
        assert names == [key.split("/", 1)[1].rsplit("/", 1)[0] for key in split.keys]
