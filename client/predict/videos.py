"""Videos, frame by frame."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import cv2
import numpy as np
import numpy.typing as npt

from client.errors import ClientError
from client.writing import replacing

Frame = npt.NDArray[np.uint8]

_CODEC = "mp4v"  # MPEG-4 part 2: what OpenCV's wheels bring along everywhere
_FPS_WHERE_NONE = 25.0


class VideoReader:
    """Frames of a video file, one after the other.

    Attributes:
        fps: Frames per second.
        size_wh: Width and height of a frame, upright, in pixels.
        expected: How many frames the file claims to have; 0 where it does not say.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ClientError: It cannot be read as a video.
        """
        if not path.is_file():
            raise ClientError(f"{path} cannot be read: there is no such file.")
        self._capture = cv2.VideoCapture(_name(path))
        if not self._capture.isOpened():
            raise ClientError(f"{path} cannot be read as a video.")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if math.isfinite(fps) and fps > 0 else _FPS_WHERE_NONE
        self.size_wh = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        self.expected = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)

    def __iter__(self) -> Iterator[Frame]:
        """(H, W, 3) uint8 each, BGR, until the end or the first one that cannot be decoded."""
        while True:
            done, frame = self._capture.read()
            if not done:
                return
            yield np.asarray(frame, np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._capture.release()


@contextlib.contextmanager
def video_writer(
    path: Path, fps: float, size_wh: tuple[int, int]
) -> Iterator[Callable[[Frame], None]]:
    """Give what writes a frame; the video is there when the block ends well.

    Args:
        path: Of the video, ending in `.mp4`.
        fps: Frames per second.
        size_wh: Width and height of every frame; the encoder leaves out an odd last row or column.

    Raises:
        ClientError: It cannot be written, or a frame has another size.
    """
    with replacing(path) as temp:
        writer = cv2.VideoWriter(_name(temp), cv2.VideoWriter.fourcc(*_CODEC), fps, size_wh)

        def write(frame: Frame) -> None:
            if frame.shape[1::-1] != size_wh:  # which OpenCV passes over without a word
                raise ClientError(
                    f"{path} cannot be written: it has {size_wh[0]} x {size_wh[1]} pixels, and a "
                    f"frame has {frame.shape[1]} x {frame.shape[0]}."
                )
            writer.write(frame)

        try:
            if not writer.isOpened():
                raise ClientError(f"{path} cannot be written: OpenCV has no encoder for it here.")
            yield write
        finally:
            writer.release()
        if not _is_video(temp):  # nor does it say that a disk is full
            raise ClientError(f"{path} cannot be written: what was encoded is not all there.")


def _is_video(path: Path) -> bool:
    capture = cv2.VideoCapture(_name(path))
    try:
        return bool(capture.isOpened())
    finally:
        capture.release()


def _name(path: Path) -> str:
    # As bytes, which its stubs do not know: a text that is not UTF-8 ends the process in OpenCV.
    return cast(str, os.fsencode(path))
