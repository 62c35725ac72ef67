"""A sent image -> what the network is asked about: the image as it takes it, or its tiles."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handler.answers import Asked
from handler.errors import HandlerError, InvalidOption
from handler.image import decode_image
from handler.model_input import InputBuilder, ModelInput
from handler.outcome import Outcome, attempt
from handler.predictions import Proposals
from handler.proposals import ACCEPTED_PROPOSALS, parse_proposals
from handler.request import SentImage
from handler.settings import Settings
from handler.tiling.tiles import Tile, cut


@dataclass(frozen=True)
class Prepared:
    """One image on its way, and what it was asked with.

    Attributes:
        asked: The request that it belongs to.
        image_bgr: (H, W, 3) uint8.
        given: What the network takes, or the tiles that it is asked about one by one.
    """

    asked: Asked
    image_bgr: npt.NDArray[np.uint8]
    given: ModelInput | tuple[Tile, ...]


class Preparer:
    """Prepares images for one model."""

    def __init__(
        self, build_input: InputBuilder, *, takes_proposals: bool, settings: Settings
    ) -> None:
        self._build_input = build_input
        self._takes_proposals = takes_proposals
        self._settings = settings

    def __call__(self, asked: Asked, image: SentImage) -> Outcome[Prepared]:
        """Prepare one image of a request."""
        timings, limit = asked.timings, self._settings.max_image_pixels
        image_bgr = attempt(
            lambda sent: decode_image(sent.encoded, max_pixels=limit), image, timings, "decode"
        )
        given = attempt(
            lambda decoded: self._given(asked, decoded, self._proposals(image)),
            image_bgr,
            timings,
            "preprocess",
        )
        if isinstance(image_bgr, HandlerError):
            return image_bgr
        if isinstance(given, HandlerError):
            return given
        return Prepared(asked, image_bgr, given)

    def _proposals(self, image: SentImage) -> Proposals | None:
        if self._takes_proposals and image.proposals is None:
            raise InvalidOption(
                "The model finds no regions of its own, and the image came without: "
                f"{ACCEPTED_PROPOSALS}."
            )
        if not self._takes_proposals and image.proposals is not None:
            raise InvalidOption('The image came with "proposals", the model finds its own.')
        return parse_proposals(image.proposals) if self._takes_proposals else None

    def _given(
        self, asked: Asked, image_bgr: npt.NDArray[np.uint8], proposals: Proposals | None
    ) -> ModelInput | tuple[Tile, ...]:
        if asked.options.tile is not None:
            share = self._settings.max_tiles_per_request // len(asked.request.images)
            tiles = cut(
                (image_bgr.shape[0], image_bgr.shape[1]),
                side=asked.options.tile,
                overlap=asked.options.overlap,
                max_tiles=max(share, 1),
            )
            if len(tiles) > 1:  # one is the image as it is, answered bit for bit as without
                return tiles
        return self._build_input(image_bgr, proposals)
