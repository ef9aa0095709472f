import signal
import threading

import pytest

from local import interrupts


def test_interrupt_is_deferred_until_the_end_of_the_block() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the test is about the code before the interrupt
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("written")
        steps.append("never")
    assert steps == ["written"]


def test_handlers_are_restored_afterwards() -> None:
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with interrupts.deferred():
        pass
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before


def test_block_in_another_thread_defers_nothing_and_does_not_fail() -> None:
    done = []

    def work() -> None:
        with interrupts.deferred():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_termination_exits_with_the_code_that_shells_expect() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        interrupts.raise_on_termination()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended.value.code == 128 + signal.SIGTERM
