"""The drawn scenes on disk: pictures, one COCO file, its split, and Detectron2's registration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from tqdm import tqdm

from examples.coins.scenes import Scene, draw_scene

CLASSES = ("coin",)
CATEGORIES = [{"id": 1, "name": "coin", "supercategory": "object"}]
SCENE_SIZE_HW = (256, 320)
FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}
DATASET_PREFIX = "coins"
SCENES_FILE = "scenes.json"

CocoDict = dict[str, Any]
"""A dataset in COCO's format: the keys `info`, `images`, `annotations` and `categories`."""


def write_scenes(
    folder: Path, count: int, seed: int, size_hw: tuple[int, int] = SCENE_SIZE_HW
) -> Path:
    """Draw scenes into `folder/images` and describe them all in `folder/scenes.json`.

    Scene i depends on the seed and on i alone. If the file is there already and says the same
    count, seed and size, nothing is drawn, which makes a resumed training start at once.

    Args:
        folder: where to write; made if need be.
        count: number of scenes, at least 1.
        seed: seed of the drawing, at least 0.
        size_hw: height and width of each scene in pixels.

    Returns:
        The path of the COCO file.

    Raises:
        ValueError: `count` is below 1 or `seed` is negative.
    """
    if count < 1 or seed < 0:
        raise ValueError(
            f"Drawing needs at least 1 scene and a seed of at least 0; "
            f"{count} scenes and seed {seed} were asked for."
        )
    coco_json = folder / SCENES_FILE
    info = {"scenes": count, "seed": seed, "size_hw": list(size_hw)}
    if coco_json.is_file() and json.loads(coco_json.read_text())["info"] == info:
        return coco_json
    (folder / "images").mkdir(parents=True, exist_ok=True)
    coco: CocoDict = {"info": info, "images": [], "annotations": [], "categories": CATEGORIES}
    for number in tqdm(range(count), desc="drawing scenes", unit="scene", disable=None):
        _add_scene(coco, folder, draw_scene(np.random.default_rng((seed, number)), size_hw))
    coco_json.write_text(json.dumps(coco))
    return coco_json


def _add_scene(coco: CocoDict, folder: Path, scene: Scene) -> None:
    """Write a scene's picture, which has no loss, and append its description."""
    image_id = len(coco["images"]) + 1
    file_name = f"images/{image_id:05d}.png"
    cv2.imwrite(str(folder / file_name), scene.image_bgr)
    height, width = scene.image_bgr.shape[:2]
    coco["images"].append(
        {"id": image_id, "file_name": file_name, "height": height, "width": width}
    )
    first_id = len(coco["annotations"]) + 1
    coco["annotations"] += [
        coco_annotation(mask, first_id + offset, image_id)
        for offset, mask in enumerate(scene.masks)
    ]


def coco_annotation(mask: npt.NDArray[np.bool_], annotation_id: int, image_id: int) -> CocoDict:
    """Describe one mask in COCO's format, with run-length encoding.

    Args:
        mask: bool array of shape (H, W) with at least one True.
        annotation_id: unique number of the annotation, from 1.
        image_id: number of the picture that it belongs to.

    Returns:
        The annotation; its `bbox` is x, y, width, height in pixels.
    """
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": CATEGORIES[0]["id"],
        "segmentation": {"size": list(rle["size"]), "counts": rle["counts"].decode("ascii")},
        "bbox": [float(value) for value in coco_mask.toBbox(rle)],
        "area": float(coco_mask.area(rle)),
        "iscrowd": 0,
    }


def split_scenes(
    coco_json: Path, seed: int, fractions: Mapping[str, float] = FRACTIONS
) -> dict[str, Path]:
    """Divide a COCO file by pictures into one file for each part, beside the original.

    Args:
        coco_json: the file with all pictures.
        seed: seed of the shuffle.
        fractions: name of each part and its share; the shares are above 0 and add up to 1.

    Returns:
        The path of each part's file, `<folder>/<part>.json`.

    Raises:
        ValueError: the shares are not as described, or a part would be left without a picture.
    """
    if min(fractions.values()) <= 0 or abs(sum(fractions.values()) - 1.0) > 1e-6:
        raise ValueError(
            f"The shares of a split must be above 0 and add up to 1; they are {dict(fractions)}."
        )
    coco = json.loads(coco_json.read_text())
    images = coco["images"]
    order = np.random.default_rng(seed).permutation(len(images))
    ends = np.round(np.cumsum(list(fractions.values())) * len(images)).astype(int)
    parts = dict(zip(fractions, np.split(order, ends[:-1]), strict=True))
    empty = [name for name, indices in parts.items() if len(indices) == 0]
    if empty:
        raise ValueError(
            f"{len(images)} scenes are too few for the shares {dict(fractions)}: "
            f"nothing is left for {', '.join(empty)}. Ask for more scenes."
        )
    return {
        name: _write_part(coco, [images[index] for index in sorted(indices)], name, coco_json)
        for name, indices in parts.items()
    }


def _write_part(coco: CocoDict, images: Sequence[CocoDict], name: str, coco_json: Path) -> Path:
    kept = {image["id"] for image in images}
    annotations = [note for note in coco["annotations"] if note["image_id"] in kept]
    path = coco_json.with_name(f"{name}.json")
    path.write_text(json.dumps({**coco, "images": images, "annotations": annotations}))
    return path


def register(parts: Mapping[str, Path]) -> dict[str, str]:
    """Make the parts known to Detectron2; doing it again replaces what was there.

    Args:
        parts: name of each part and its COCO file; pictures are found relative to the file.

    Returns:
        The registered name of each part, `coins_<part>`.
    """
    names = {}
    for part, path in parts.items():
        name = f"{DATASET_PREFIX}_{part}"
        if name in DatasetCatalog.list():
            DatasetCatalog.remove(name)
            MetadataCatalog.remove(name)
        register_coco_instances(name, {}, str(path), str(path.parent))
        names[part] = name
    return names
