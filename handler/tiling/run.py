"""One image by its tiles: each is run as an image of its own, and their answers are merged."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from handler.errors import HandlerError, InvalidOption, OutOfMemory
from handler.inference import Output, run_batch
from handler.metadata import Metadata
from handler.model import Model
from handler.model_input import InputBuilder
from handler.outcome import Outcome, Timings, attempt
from handler.predictions import Objects, Predictions
from handler.tiling.merging import merge
from handler.tiling.parts import Part, parts_of
from handler.tiling.tiles import Tile


def can_be_tiled(metadata: Metadata) -> bool:
    """Whether what a model answers about tiles can be merged.

    Instances can. Proposals come without the class and the certainty that tell which of them are
    the same; where two segmentations contradict each other in a seam nothing tells which is right;
    and proposals that a request brings are those of its whole image.
    """
    instances_alone = {"boxes", "masks", "keypoints"}.issuperset(metadata.outputs)
    return instances_alone and metadata.input.proposal_topk is None


def refuse_tiles(metadata: Metadata, side: int) -> None:
    """Let a request with `tile` pass only where the model's answers can be merged.

    Raises:
        InvalidOption: They cannot.
    """
    if not can_be_tiled(metadata):
        takes = "takes proposals and " if metadata.input.proposal_topk is not None else ""
        raise InvalidOption(
            f"tile is {side}, which is for models that find instances by themselves and answer "
            f"with nothing else; this one {takes}answers with {', '.join(metadata.outputs)}."
        )


def predict_tiles(
    model: Model,
    build_input: InputBuilder,
    image_bgr: npt.NDArray[np.uint8],
    tiles: Sequence[Tile],
    *,
    stack: int,
    timings: Timings,
) -> Outcome[Predictions]:
    """Answer about one image by its tiles.

    Args:
        model: The network.
        build_input: Prepares a tile for it.
        image_bgr: (H, W, 3) uint8.
        tiles: At least one, all of one size.
        stack: Most tiles of one forward pass, and most that are held at once.
        timings: Where the time of each stage is added.

    Returns:
        Instances in pixels of the whole image, or the error of the first tile that has one.
    """
    size_hw = (image_bgr.shape[0], image_bgr.shape[1])
    parts: list[Part] = []
    nothing = Objects.none()
    for start in range(0, len(tiles), stack):
        window = tiles[start : start + stack]
        inputs = [
            attempt(lambda tile: build_input(tile.of(image_bgr)), tile, timings, "preprocess")
            for tile in window
        ]
        outputs, durations = run_batch(model, inputs, stack=stack)
        # Tiles are of one size and share one forward pass, whose duration each of them has.
        timings.add("model", max(durations))
        for tile, output in zip(window, outputs, strict=True):
            found = attempt(partial(_read, tile=tile, size_hw=size_hw), output, timings, "read")
            if isinstance(found, OutOfMemory):
                return OutOfMemory(
                    f"A tile of {tile.right - tile.left} x {tile.bottom - tile.top} pixels does "
                    "not fit into the memory of the server's device; ask for smaller ones."
                )
            if isinstance(found, HandlerError):
                return found
            # Some heads leave fields out where they find nothing.
            nothing = found[0] if len(found[1]) or not parts else nothing
            parts += found[1]
    objects = attempt(partial(merge, nothing=nothing, size_hw=size_hw), parts, timings, "merge")
    return objects if isinstance(objects, HandlerError) else Predictions(size_hw, objects)


def _read(output: Output, *, tile: Tile, size_hw: tuple[int, int]) -> tuple[Objects, list[Part]]:
    """A tile's instances as parts, and none of them, with the fields that they have."""
    tile_size_hw = (tile.bottom - tile.top, tile.right - tile.left)
    objects = Predictions.from_output(output, size_hw=tile_size_hw).objects
    nothing = objects[np.zeros(0, np.int64)]  # a copy: a view would hold on to all masks
    return nothing, list(parts_of(objects, tile, size_hw=size_hw))
