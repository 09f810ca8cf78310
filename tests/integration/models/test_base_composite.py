import keras
import tensorflow as tf

from cargan_tf.models.base import CompositeLayer


class Counted(keras.layers.Dense):
    calls = 0

    def call(self, inputs):
        Counted.calls += 1
        return super().call(inputs)


class Nested(CompositeLayer):
    def __init__(self, part, **kwargs):
        super().__init__(**kwargs)
        self.part = part

    def call(self, inputs):
        return self.part(inputs)


class Network(CompositeLayer, keras.Model):
    def __init__(self):
        super().__init__(name="network")
        self.body = Nested(Nested(Counted(2, name="dense"), name="inner"), name="outer")

    def call(self, inputs):
        return self.body(inputs)


def test_weights_are_made_by_one_call_however_deep_they_lie():
    network = Network()
    Counted.calls = 0
    assert network(tf.zeros([1, 3])).shape == [1, 2]
    assert Counted.calls == 1
    paths = [variable.path for variable in network.variables]
    assert paths == [f"network/outer/inner/dense/{name}" for name in ("kernel", "bias")]
    assert network.count_params() == 8
