import threading
from contextlib import closing

import pytest

from client.window import in_order


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 20], ids=["nothing", "one", "more than fit"])
def test_results_come_in_the_order_of_the_items(workers, count):
    turn = threading.Event()

    def square(number: int) -> int:
        if number == 0 and workers > 1 and count > 1:
            turn.wait(10)  # the first is the last to be done
        if number == 1:
            turn.set()
        return number * number

    found = list(in_order(square, range(count), workers=workers))
    assert found == [(number, number * number) for number in range(count)]


def test_items_are_taken_when_there_is_room():
    taken, done, most = [], [], []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    for number, _ in in_order(lambda number: number, items(), workers=3):
        done.append(number)
        most.append(len(taken) - len(done))
    assert max(most) < 2 * 3


def test_no_more_than_so_many_at_a_time():
    lock, inside, most = threading.Lock(), [0], [0]
    full = threading.Barrier(3, timeout=10)

    def enter(number: int) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        if number < 3:
            full.wait()
        with lock:
            inside[0] -= 1

    list(in_order(enter, range(30), workers=3))
    assert most[0] == 3


@pytest.mark.parametrize("how", ["closed", "left", "function fails", "items fail"])
def test_ending_early_waits_for_what_has_begun_and_drops_the_rest(how):
    begun, ended = [], []
    told = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            return number
        if number == 1 and how == "function fails":
            raise ZeroDivisionError
        told.wait(10)  # only `ending` lets it go on
        ended.append(number)
        return number

    def items():
        yield from range(3)
        if how == "items fail":
            raise ZeroDivisionError
        yield from range(3, 1000)

    found = in_order(work, items(), workers=2, ending=told.set)
    if how == "closed":
        assert next(found) == (0, 0)
        found.close()
    elif how == "left":
        with closing(found):
            assert next(found) == (0, 0)
    else:
        with pytest.raises(ZeroDivisionError):
            list(found)
    assert len(begun) <= 5  # of a thousand
    assert set(begun) - set(ended) <= {0, 1}
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("ThreadPoolExecutor")]
