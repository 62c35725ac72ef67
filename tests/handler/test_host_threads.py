import threading
import time

import pytest

from handler.host_threads import HostThreads


@pytest.mark.parametrize("number", [1, 2, 50])
def test_results_come_in_the_order_of_the_items(number):
    threads = HostThreads(number)
    items = [0.03, 0.0, 0.01]

    def step(seconds):
        time.sleep(seconds)
        return seconds

    assert threads.ahead(step, items)() == items
    assert threads.behind(step, items)() == items
    assert threads.ahead(step, ())() == []


def test_one_thread_is_the_caller_s():
    threads = HostThreads(1)
    here = threading.get_ident()
    done = []

    def step(item):
        done.append(item)
        return threading.get_ident()

    later = threads.ahead(step, [1])
    assert not done, "what is needed later must not be held before"
    assert later() == [here]
    now = threads.behind(step, [2])
    assert done == [1, 2], "what was waited for must not be held longer"
    assert now() == [here]
    assert done == [1, 2]


def test_more_threads_work_beside_the_caller():
    threads = HostThreads(2)
    go_on = threading.Event()
    results = threads.ahead(lambda item: (go_on.wait(10), item)[1], [1, 2])
    go_on.set()  # were they the caller's, nobody would come here
    assert results() == [1, 2]


def test_an_error_reaches_who_asks():
    with pytest.raises(ZeroDivisionError):
        HostThreads(2).ahead(lambda item: 1 / item, [0])()
