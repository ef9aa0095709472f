import signal
import threading

import pytest

from local import interrupts


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what runs before the interrupt is what is tested
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            steps.append("written")
        steps.append("never")
    assert steps == ["written"]


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with interrupts.deferred():
        pass
    assert [signal.getsignal(number) for number in interrupts.SIGNALS] == before


def test_in_another_thread_nothing_is_deferred_and_nothing_fails() -> None:
    done = []

    def work() -> None:
        with interrupts.deferred():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_termination_unwinds_with_the_exit_code_a_shell_expects() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        interrupts.raise_on_termination()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended.value.code == 128 + signal.SIGTERM
