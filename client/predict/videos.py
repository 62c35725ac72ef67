"""Videos, frame by frame."""

import contextlib
import math
import os
from collections.abc import Iterator
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
def video_writer(path: Path, fps: float, size_wh: tuple[int, int]) -> Iterator[cv2.VideoWriter]:
    """Give a writer of frames; the video is there when the block ends well.

    Args:
        path: Of the video, ending in `.mp4`.
        fps: Frames per second.
        size_wh: Width and height of every frame; the encoder leaves out an odd last row or column.

    Raises:
        ClientError: It cannot be written.
    """
    with replacing(path) as temp:
        writer = cv2.VideoWriter(_name(temp), cv2.VideoWriter.fourcc(*_CODEC), fps, size_wh)
        try:
            if not writer.isOpened():
                raise ClientError(f"{path} cannot be written: OpenCV has no encoder for it here.")
            yield writer
        finally:
            writer.release()


def _name(path: Path) -> str:
    # As bytes, which its stubs do not know: a text that is not UTF-8 ends the process in OpenCV.
    return cast(str, os.fsencode(path))
