"""The owner's settings of one model: the `detectron2` section of its `model-config.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SECTION = "detectron2"


@dataclass(frozen=True)
class Settings:
    """What the owner of the server decides, beside what the model's config says.

    Attributes:
        max_image_pixels: Largest width x height that is decoded. While a model answers, masks take
            a byte a pixel for each instance, and as much again while they are made: 74 instances on
            25 million pixels took 3.7 GB. A plain R-CNN on a CPU keeps the boxes around them alone.
        max_images_per_request: Most images of one request's `instances`.
        max_tiles_per_request: Most tiles that the images of one request are cut into, where it asks
            for that; each may have its even share. Every tile is a forward pass.
        max_response_bytes: Largest answer; at most `max_response_size` of config.properties, beyond
            which TorchServe kills the worker. The default is TorchServe's own.
    """

    max_image_pixels: int = 25_000_000
    max_images_per_request: int = 32
    max_tiles_per_request: int = 32
    max_response_bytes: int = 6_553_500

    def __post_init__(self) -> None:
        problems = [
            f"{field.name} is {value!r}, a whole number from 1 on is accepted"
            for field in fields(self)
            if type(value := getattr(self, field.name)) is not int or value < 1
        ]
        if problems:
            raise ValueError(f"{SECTION}: {'; '.join(problems)}.")

    @classmethod
    def from_model_config(cls, model_config: Mapping[str, Any] | None) -> "Settings":
        """Read the section; what is not there keeps its default.

        Raises:
            ValueError: An unknown key or a value out of range, named.
        """
        section = (model_config or {}).get(SECTION) or {}
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(section) - known)
        if unknown:
            raise ValueError(
                f"{SECTION}: unknown keys {unknown} in model-config.yaml, "
                f"known are {sorted(known)}."
            )
        return cls(**section)
