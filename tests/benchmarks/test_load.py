"""The loops against servers that are made up. Nothing here looks at how long anything takes."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from benchmarks.http import Client, Endpoint, Post
from benchmarks.load import closed_loop, open_loop, schedule
from benchmarks.replies import OK, Reply

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Fake:
    """Answers at once, and remembers what was asked."""

    def __init__(self, status: int = OK) -> None:
        self.asked: list[int] = []
        self.under_way = 0
        self.most_under_way = 0
        self._status = status

    async def ask(self, index: int) -> Reply:
        self.asked.append(index)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return Reply(self._status, str(index).encode())


def is_good(index: int, body: bytes) -> bool:
    return body == str(index).encode()


@pytest.mark.parametrize("concurrency", [1, 2, 5])
def test_a_closed_loop_counts_each_image_once_and_keeps_the_server_busy(concurrency):
    fake = Fake()
    load = asyncio.run(closed_loop(fake.ask, [7, 8, 9], is_good, concurrency=concurrency))
    assert fake.most_under_way == concurrency
    assert Counter(one.index for one in load.answered) == Counter([7, 8, 9])
    assert load.problems == []
    assert [one.size for one in load.answered] == [1, 1, 1]


def test_one_client_sends_nothing_that_does_not_count():
    fake = Fake()
    asyncio.run(closed_loop(fake.ask, [1, 2, 3], is_good, concurrency=1))
    assert fake.asked == [1, 2, 3]


def test_with_more_clients_the_first_answers_do_not_count():
    fake = Fake()
    load = asyncio.run(closed_loop(fake.ask, [1, 2, 3, 4], is_good, concurrency=2))
    assert fake.asked[:6] == [1, 2, 3, 4, 1, 2]
    assert [one.index for one in load.answered] == [3, 4, 1, 2]


def test_wrong_answers_are_problems():
    load = asyncio.run(closed_loop(Fake().ask, [1, 2], lambda *_: False, concurrency=1))
    assert [one.problem for one in load.answered] == ["not what Detectron2 says"] * 2


def test_errors_are_problems():
    load = asyncio.run(closed_loop(Fake(503).ask, [1], is_good, concurrency=1))
    assert load.problems == ["status 503: 1"]


def test_a_server_that_is_gone_is_a_problem():
    async def ask(_: int) -> Reply:
        raise ConnectionRefusedError("nobody there")

    load = asyncio.run(closed_loop(ask, [1], is_good, concurrency=1))
    assert "nobody there" in load.problems[0]


def test_an_open_loop_sends_whether_answers_come_or_not():
    """The server answers nothing until all requests are there: a closed loop would hang."""
    count, arrived, all_there = 20, [], asyncio.Event()

    async def ask(index: int) -> Reply:
        arrived.append(index)
        if len(arrived) == count:
            all_there.set()
        await all_there.wait()
        return Reply(OK, str(index).encode())

    load = asyncio.run(open_loop(ask, [1, 2, 3], is_good, offsets=schedule(rate=2000, count=count)))
    assert arrived == [1, 2, 3] * 6 + [1, 2]
    assert len(load.answered) == count


def test_latency_counts_from_the_time_at_which_a_request_was_to_be_sent():
    """A stall of the client itself delays sending; whoever was to be sent meanwhile waits too."""
    import time

    stalled = []

    async def ask(index: int) -> Reply:
        if not stalled:
            stalled.append(True)
            time.sleep(0.05)
        return Reply(OK, str(index).encode())

    load = asyncio.run(open_loop(ask, [1], is_good, offsets=[k / 1000 for k in range(20)]))
    starts = sorted(one.start for one in load.answered)
    ends = sorted(one.end for one in load.answered)
    assert starts[-1] < ends[0]  # all were due before the first was answered


def test_a_schedule_has_the_rate_and_the_scatter_of_a_poisson_process():
    offsets = schedule(rate=10, count=10_000)
    distances = np.diff(offsets)
    assert offsets == schedule(rate=10, count=10_000)
    assert np.mean(distances) == pytest.approx(0.1, rel=0.05)
    assert np.std(distances) == pytest.approx(0.1, rel=0.05)
    assert offsets != schedule(rate=10, count=10_000, seed=1)


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[Endpoint]:
    handlers: list[asyncio.Task[None]] = []

    async def remembered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        await handler(reader, writer)

    server = await asyncio.start_server(remembered, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Endpoint("127.0.0.1", port, "/predictions/coins", {"Authorization": "Bearer key"})
    await asyncio.gather(*handlers)


def answering(
    write: Callable[[bytes, bytes], bytes], connections: list[int], *, close: bool = False
) -> Handler:
    """A server that answers what `write` makes of head and body."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = int(head.lower().partition(b"content-length: ")[2].split()[0])
            writer.write(write(head, await reader.readexactly(size)))
            await writer.drain()
            if close:
                writer.close()
                return

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except asyncio.IncompleteReadError:
            pass  # the client has gone
        finally:
            writer.close()
            await writer.wait_closed()

    return quiet


def with_length(body: bytes, *, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def ask_all(handler: Handler, posts: list[Post], times: int = 1) -> list[Reply]:
    async with listening(handler) as endpoint, Client(endpoint, posts) as client:
        return [await client.ask(index) for _ in range(times) for index in range(len(posts))]


def test_the_client_sends_what_it_is_given_on_one_connection():
    connections: list[int] = []
    heads = []

    def echo(head: bytes, body: bytes) -> bytes:
        heads.append(head)
        return with_length(body)

    posts = [Post(b"one"), Post(bytes(range(256)) * 1000, {"X-Body-Bytes": "3"})]
    replies = asyncio.run(ask_all(answering(echo, connections), posts, times=2))
    assert [one.body for one in replies] == [posts[0].body, posts[1].body] * 2
    assert heads[1].startswith(b"POST /predictions/coins HTTP/1.1\r\n")
    assert b"Authorization: Bearer key\r\n" in heads[1]
    assert b"X-Body-Bytes: 3\r\n" in heads[1]
    assert len(connections) == 1


def test_the_client_reads_stages():
    timing = "Server-Timing: decode;dur=1.50, model;dur=20.00\r\n"
    handler = answering(lambda _, body: with_length(body, more=timing), [])
    (reply,) = asyncio.run(ask_all(handler, [Post(b"x")]))
    assert reply.stages_ms == {"decode": 1.5, "model": 20.0}


def test_the_client_reads_chunks():
    def chunked(_: bytes, body: bytes) -> bytes:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"3\r\n" + body[:3] + b"\r\n2;x=y\r\n" + body[3:] + b"\r\n0\r\n\r\n"

    replies = asyncio.run(ask_all(answering(chunked, []), [Post(b"hello")], times=2))
    assert [one.body for one in replies] == [b"hello"] * 2


def test_the_client_connects_again_where_the_server_closes():
    connections: list[int] = []
    write = lambda _, body: with_length(body, more="Connection: close\r\n")  # noqa: E731
    handler = answering(write, connections, close=True)
    replies = asyncio.run(ask_all(handler, [Post(b"x")], times=3))
    assert [one.status for one in replies] == [200] * 3
    assert len(connections) == 3


def test_an_answer_that_breaks_off_is_a_problem():
    async def go() -> list[str]:
        broken = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
        handler = answering(lambda *_: broken, [], close=True)
        async with listening(handler) as endpoint, Client(endpoint, [Post(b"x")]) as client:
            load = await closed_loop(client.ask, [0], is_good, concurrency=1)
            return load.problems

    assert "no answer" in asyncio.run(go())[0]


def test_replies_without_stages_have_none():
    assert Reply(OK, json.dumps({}).encode()).stages_ms == {}
