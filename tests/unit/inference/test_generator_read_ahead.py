import threading

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import BATCH_SIZE, _read_ahead

COUNT = 2 * BATCH_SIZE + 1


def test_sounds_come_in_batches_in_order_and_errors_in_their_places():
    def read(index):
        if index == 3:
            raise UserError("no sound")
        return index

    batches = list(_read_ahead(COUNT, read))
    assert [part for part, _ in batches] == [
        slice(0, BATCH_SIZE),
        slice(BATCH_SIZE, 2 * BATCH_SIZE),
        slice(2 * BATCH_SIZE, COUNT),
    ]
    sounds = [sound for _, sounds in batches for sound in sounds]
    assert str(sounds.pop(3)) == "no sound"
    assert sounds == [index for index in range(COUNT) if index != 3]
    assert list(_read_ahead(0, read)) == []


def test_the_next_batch_is_read_while_one_is_worked_on():
    read = [threading.Event() for _ in range(COUNT)]
    batches = _read_ahead(COUNT, lambda index: read[index].set())
    next(batches)
    assert read[2 * BATCH_SIZE - 1].wait(30)
    assert not read[2 * BATCH_SIZE].is_set(), "one batch ahead, no more"
    batches.close()
