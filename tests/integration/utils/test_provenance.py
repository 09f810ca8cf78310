import json
import platform

import tensorflow as tf

from cargan_tf.utils.provenance import PACKAGES, provenance


def test_versions_devices_and_seed_are_json():
    found = json.loads(json.dumps(provenance(7)))
    assert found["seed"] == 7
    assert found["versions"]["tensorflow"] == tf.__version__
    assert found["versions"].keys() == {"python", *PACKAGES}
    assert found["platform"] == platform.platform()
    assert found["devices"] == [device.name for device in tf.config.list_logical_devices()]


def test_those_at_work_may_be_named():
    assert provenance(7, ("/cpu:1",))["devices"] == ["/cpu:1"]
