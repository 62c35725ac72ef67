"""The owner's settings of one model: the `detectron2` section of its `model-config.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SECTION = "detectron2"


@dataclass(frozen=True)
class Settings:
    """What the owner of the server decides, beside what the model's config says.

    Attributes:
        max_image_pixels: Largest width x height that is decoded. 50 million is a 50-megapixel
            photograph, 150 MB of pixels.
    """

    max_image_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        value = self.max_image_pixels
        if type(value) is not int or value < 1:
            raise ValueError(f"{SECTION}: max_image_pixels is {value!r}, at least 1 is accepted.")

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
