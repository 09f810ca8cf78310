import pytest
from cargan_cli.options import config_for_data

from cargan_tf.errors import UserError


def test_the_data_sets_own_configuration_holds(tiny_data, tiny_config):
    assert config_for_data(tiny_data, None, ()) == tiny_config


def test_it_may_be_changed(tiny_data):
    assert config_for_data(tiny_data, None, ["training.batch_size=2"]).training.batch_size == 2


def test_a_named_configuration_goes_before_it(tiny_data):
    assert config_for_data(tiny_data, "quickstart", ()).name == "quickstart"


def test_without_a_data_set_there_is_nothing_to_go_by(tmp_path):
    with pytest.raises(UserError, match="no prepared data set"):
        config_for_data(tmp_path, None, ())
