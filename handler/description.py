"""What a model says of itself: its metadata, and what a request may ask of it."""

import json
from typing import Any

from handler.formats.registry import FORMATS
from handler.metadata import Metadata
from handler.options import DEFAULT_FORMAT
from handler.proposals import PROPOSALS, PROPOSALS_SCHEMA
from handler.settings import Settings


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
            "image_id": {"type": ["integer", "string"], "default": 0},
            "from_name": {"type": "string", "default": "label"},
            "to_name": {"type": "string", "default": "image"},
            **({} if metadata.input.proposal_topk is None else {PROPOSALS: PROPOSALS_SCHEMA}),
        },
        "formats": {name: one.content_type for name, one in FORMATS.items()},
        "limits": {
            "max_image_pixels": settings.max_image_pixels,
            "max_images_per_request": settings.max_images_per_request,
            "max_response_bytes": settings.max_response_bytes,
        },
    }
