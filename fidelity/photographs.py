"""Four photographs of different shapes, out of the scikit-image wheel."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from detectron2.data.detection_utils import read_image

_FILES = {
    "astronaut.png": False,  # 512 x 512
    "coffee.png": False,  # 600 x 400
    "rocket.jpg": False,  # 640 x 427
    "chelsea.png": True,  # 451 x 300, turned upright
}
"""File names, and whether the picture is turned by 90 degrees."""

_PROPOSALS = 200


@dataclass(frozen=True)
class Photograph:
    """One photograph.

    Attributes:
        path: The file that is sent and that Detectron2 reads.
        image_bgr: (H, W, 3) uint8, as Detectron2's `read_image` decodes it.
        proposals_xyxy: (200, 4) float32, generated boxes for networks that find none of their own.
    """

    path: Path
    image_bgr: npt.NDArray[np.uint8]
    proposals_xyxy: npt.NDArray[np.float32]

    @property
    def objectness(self) -> npt.NDArray[np.float32]:
        """(200,) float32 of the proposals, descending; no two are equal."""
        return np.linspace(3, -3, len(self.proposals_xyxy), dtype=np.float32)


def photographs(folder: Path) -> list[Photograph]:
    """The photographs, their files written into a folder.

    Raises:
        FileNotFoundError: scikit-image is missing, or came without them.
    """
    found = []
    for seed, (name, is_turned) in enumerate(_FILES.items()):
        source = _source(name)
        path = folder / name
        if is_turned:
            upright_bgr = cv2.rotate(read_image(str(source), format="BGR"), cv2.ROTATE_90_CLOCKWISE)
            cv2.imwrite(str(path), upright_bgr)
        else:
            path.write_bytes(source.read_bytes())
        image_bgr = np.ascontiguousarray(read_image(str(path), format="BGR"))
        found.append(Photograph(path, image_bgr, _boxes(image_bgr.shape[:2], seed)))
    return found


def _source(name: str) -> Path:
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "The photographs come with scikit-image, which is not installed: make setup"
        )
    path = Path(spec.origin).parent / "data" / name
    if not path.is_file():
        raise FileNotFoundError(f"The installed scikit-image has no photograph at {path}.")
    return path


def _boxes(size_hw: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """Boxes of all sizes all over an image; the same for the same seed."""
    random = np.random.default_rng(seed)
    height, width = size_hw
    corners = random.uniform(0, 1, (_PROPOSALS, 2, 2)) * (width, height)
    lowest, highest = corners.min(axis=1), corners.max(axis=1)
    boxes = np.concatenate([lowest, np.maximum(highest, lowest + 4)], axis=1)
    return boxes.astype(np.float32)
