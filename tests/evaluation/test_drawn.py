def test_classes_are_the_places_of_the_ones(drawn):
    for split in drawn.values():
        names = [split.labels[place] for place in split.classes]
        assert names == [key.split("/", 1)[1].rsplit("/", 1)[0] for key in split.keys]
