import pytest

from client.errors import ClientError
from client.models.checks import CheckAnswer, ask, compare_speed, read_images
from tests.client.models.conftest import MODEL


def answers(*seconds: float, worker: tuple[float, ...] | None = None) -> list[CheckAnswer]:
    within = worker or (None,) * len(seconds)
    return [CheckAnswer({}, s, w) for s, w in zip(seconds, within, strict=True)]


@pytest.mark.parametrize(
    ("old", "new", "slowdown"),
    [
        pytest.param(answers(1.0), answers(1.0), 1.0, id="alike"),
        pytest.param(answers(1.0, 1.0, 9.0), answers(2.0, 2.0, 2.0), 2.0, id="by medians"),
        pytest.param(
            answers(4.0, worker=(1.0,)), answers(4.0, worker=(3.0,)), 3.0, id="slow, old one busy"
        ),
        pytest.param(
            answers(1.0, worker=(0.5,)), answers(4.0, worker=(0.5,)), 4.0, id="slow outside timings"
        ),
        pytest.param(answers(1.0), answers(2.0, worker=(9.0,)), 2.0, id="one side says nothing"),
        pytest.param(answers(1.0, worker=(0.0,)), answers(1.0, worker=(0.0,)), 1.0, id="no time"),
    ],
)
def test_the_slowdown_is_by_the_clock_or_in_the_worker(old, new, slowdown):
    assert compare_speed(old, new).slowdown == pytest.approx(slowdown)


def test_images_are_read_or_drawn(tmp_path):
    (tmp_path / "a.png").write_bytes(b"abc")
    (image,) = read_images([tmp_path / "a.png"])
    assert image.content == b"abc"
    assert len(read_images([])) == 3
    with pytest.raises(ClientError, match="A check image cannot be read"):
        read_images([tmp_path / "none.png"])


def test_an_answer_says_who_gave_it_and_how_long_it_took(bench):
    (image,) = bench.gates.images
    version = bench.default()
    for by_default in (False, True):
        answer = ask(bench.site.inference, image, MODEL, version, by_default=by_default)
        assert answer.document["model"] == {"name": MODEL, "version": version}
        assert 0 < answer.worker_seconds < answer.seconds
    with pytest.raises(
        ClientError, match=r"coins: the answer says that it is from .*, where coins 9"
    ):
        ask(bench.site.inference, image, MODEL, "9", by_default=True)
