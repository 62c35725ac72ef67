import subprocess
import sys

import cv2
import numpy as np
import pytest

from client.errors import ClientError
from client.predict.videos import VideoReader, video_writer
from tests.images import noise_bgr


def write(path, frames: int, *, fps: float = 10.0, size_wh=(64, 48)) -> None:
    with video_writer(path, fps, size_wh) as write_frame:
        for number in range(frames):
            write_frame(np.full((size_wh[1], size_wh[0], 3), 20 * number, np.uint8))


@pytest.mark.parametrize("frames", [1, 7])
@pytest.mark.parametrize("fps", [5.0, 29.97], ids=str)
def test_frames_come_back(tmp_path, frames, fps):
    path = tmp_path / "new" / "ä.mp4"
    write(path, frames, fps=fps)
    assert list(path.parent.iterdir()) == [path]
    with VideoReader(path) as reader:
        assert reader.fps == pytest.approx(fps, rel=1e-3)
        assert reader.size_wh == (64, 48)
        assert reader.expected == frames
        levels = [frame.mean() for frame in reader]
    assert levels == pytest.approx([20 * number for number in range(frames)], abs=4)


def test_a_failure_leaves_no_half_video(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, 3)
    before = path.read_bytes()
    with (
        pytest.raises(ClientError, match="has 64 x 48 pixels, and a frame has 48 x 64"),
        video_writer(path, 10, (64, 48)) as write_frame,
    ):
        write_frame(noise_bgr(64, 48))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_sides_of_odd_length(tmp_path):
    write(tmp_path / "a.mp4", 2, size_wh=(65, 49))
    with VideoReader(tmp_path / "a.mp4") as reader:
        assert len(list(reader)) == 2


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param("a.mp4", b"no video", "cannot be read as a video", id="something else"),
        pytest.param("a.mp4", b"", "cannot be read as a video", id="empty"),
        pytest.param("gone.mp4", None, "there is no such file", id="gone"),
    ],
)
def test_files_that_are_no_videos(tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ClientError, match=sentence):
        VideoReader(tmp_path / name)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(ClientError, match="cannot be written"),
        video_writer(tmp_path / "file" / "a.mp4", 10, (64, 48)),
    ):
        pass
    with (
        pytest.raises(ClientError, match="has no encoder"),
        video_writer(tmp_path / "a.mp4", 10, (0, 0)),
    ):
        pass


def test_a_video_that_is_cut_off_gives_what_it_has(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(20):
        writer.write(noise_bgr(48, 64, number))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        assert 1 <= len(list(reader)) < 20


def test_a_disk_that_is_full(tmp_path, pytestconfig):
    """OpenCV says nothing of it; a limit of this process is one that a test can have."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from client.errors import ClientError\n"
        "from client.predict.videos import video_writer\n"
        "from tests.images import noise_bgr\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    with video_writer(Path(sys.argv[1]), 10, (640, 480)) as write:\n"
        "        for number in range(30):\n"
        "            write(noise_bgr(480, 640, number))\n"
        "except ClientError as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "a.mp4"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{path} cannot be written: what was encoded is not all there.\n"
    assert list(tmp_path.iterdir()) == []
