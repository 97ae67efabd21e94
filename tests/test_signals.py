"""The event stream's memory: each signal once however often it came, log lines in order and bounded."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from containers_app import signals
from containers_app.services import doorbell


def listen(channel, *messages, timeout=5):
    async def scenario():
        listener = signals.Listener(channel)
        for message in messages:
            listener.put(*message)
        return await listener.next(timeout=timeout)

    # In a thread of its own: the browser tests' Playwright keeps a loop running in the tests' thread.
    with ThreadPoolExecutor() as threads:
        return threads.submit(lambda: asyncio.run(scenario())).result()


def test_a_signal_that_came_often_is_sent_once():
    assert listen(None, *[(doorbell.SIGNALS, "containers")] * 100) == [("containers", "1")]


def test_log_lines_come_in_order_after_the_signals():
    events = listen("log:7", ("log:7", "a"), (doorbell.SIGNALS, "containers"), ("log:7", "b"))
    assert events == [("containers", "1"), ("log", "a"), ("log", "b")]


def test_another_containers_log_is_not_ours():
    assert listen("log:7", ("log:8", "secret"), timeout=0.05) == []


def test_a_page_that_does_not_read_keeps_the_last_thousand_lines():
    events = listen("log:7", *[("log:7", str(number)) for number in range(5000)])
    assert [data for _, data in events] == [str(number) for number in range(4000, 5000)]


def test_silence_ends_with_nothing():
    assert listen(None, timeout=0.05) == []
