import signal
import threading

import pytest

from cargan_tf.training.interruptions import StopRequest, defer_signals


@pytest.fixture
def delivered():
    """Numbers of the SIGTERMs that reach the handler there was before."""
    numbers = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


def test_without_end_nobody_asks():
    assert not StopRequest().time_is_up()


@pytest.mark.parametrize(("hours", "made"), [(1e-12, True), (1e6, False)])
def test_time_is_up_after_so_many_hours(hours, made):
    assert StopRequest(hours).time_is_up() == made


def test_ctrl_c_arrives_after_the_block():
    request, reached = StopRequest(), []

    def work():
        with defer_signals(request):
            signal.raise_signal(signal.SIGINT)
            reached.append(request.signal is not None)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [True]


def test_a_termination_arrives_after_the_block_where_it_would_have(delivered):
    request = StopRequest()
    with defer_signals(request):
        signal.raise_signal(signal.SIGTERM)
        assert request.signal is not None
        assert delivered == []
    assert delivered == [signal.SIGTERM]


def test_a_second_signal_does_not_wait():
    reached = []

    def work():
        with defer_signals(StopRequest()):
            signal.raise_signal(signal.SIGINT)
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == [1]


def test_an_error_goes_before_a_signal():
    def work():
        with defer_signals(StopRequest()):
            signal.raise_signal(signal.SIGINT)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_holds_nothing():
    handlers = []

    def work():
        with defer_signals(StopRequest()):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
