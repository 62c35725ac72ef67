"""What a model says of itself: its metadata, and what a request may ask of it."""

import json
import os
from typing import Any

from handler.formats.registry import FORMATS
from handler.metadata import Metadata
from handler.options import DEFAULT_FORMAT, LARGEST_OVERLAP, SMALLEST_TILE, Options
from handler.proposals import PROPOSALS, PROPOSALS_SCHEMA
from handler.settings import Settings
from handler.tiling.run import can_be_tiled

_TILING = {
    "tile": {"type": "integer", "minimum": SMALLEST_TILE, "default": None},
    "overlap": {
        "type": "number",
        "minimum": 0,
        "maximum": LARGEST_OVERLAP,
        "default": Options.overlap,
    },
}
"""The options of a model whose answers about tiles can be merged, as JSON Schemas."""


def describe(
    metadata: Metadata, *, model_name: str, model_version: str, settings: Settings
) -> dict[str, Any]:
    """The document that `GET /models/NAME?customized=true` answers with."""
    return {
        **json.loads(metadata.to_json()),
        "model": {"name": model_name, "version": model_version},
        "options": {
            "score_threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
            "max_detections": {"type": "integer", "minimum": 0, "default": None},
            "classes": {
                "type": "array",
                "items": {"enum": list(metadata.class_names)},
                "default": None,
            },
            "format": {"enum": list(FORMATS), "default": DEFAULT_FORMAT},
            **(_TILING if can_be_tiled(metadata) else {}),
            "image_id": {"type": ["integer", "string"], "default": 0},
            "from_name": {"type": "string", "default": "label"},
            "to_name": {"type": "string", "default": "image"},
            **({} if metadata.input.proposal_topk is None else {PROPOSALS: PROPOSALS_SCHEMA}),
        },
        "formats": {name: one.content_type for name, one in FORMATS.items()},
        "limits": {
            "max_image_pixels": settings.max_image_pixels,
            "max_images_per_request": settings.max_images_per_request,
            "max_tiles_per_request": settings.max_tiles_per_request,
            "max_response_bytes": settings.max_response_bytes,
        },
        # Tells the workers of a model apart: a rollout waits until each has answered.
        "worker": {"pid": os.getpid()},
    }
