"""What people of each situation hold, small and made on the spot."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pycocotools import mask as coco_mask

from export.zoo import CONFIGS
from tests.checkpoints import arrays, as_caffe2, write_pickle
from tests.guides.networks import SURE, Found, Image, StandIn, stand_in, with_frozen_norms

CITYSCAPES = {
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
XRAY = (
    *("caries", "crown", "filling", "implant", "bridge", "post", "root filling"),
    *("retained root", "impacted tooth", "missing tooth", "bone loss", "cyst", "bracket"),
)
SURE_OF_IMPLANTS = 0.96
PARTS = {"crack": 7, "dent": 2, "scratch": 5}
"""Names by category id, as the annotations list them: not in the order of the ids."""

ZOO_CONFIG = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
ZOO_WEIGHTS = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl"
DETECTRON1_CONFIG = "Detectron1-Comparisons/mask_rcnn_R_50_FPN_noaug_1x.yaml"


def drawn(size_hw: tuple[int, int], seed: int) -> Image:
    """(H, W, 3) uint8: coloured discs on a gradient, with grain."""
    random = np.random.default_rng(seed)
    height, width = size_hw
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 128 / width, y * 128 / height, (x + y) * 64 / width], axis=-1)
    for _ in range(12):
        centre_y, centre_x = random.uniform((0, 0), size_hw)
        inside = (y - centre_y) ** 2 + (x - centre_x) ** 2 < random.uniform(6, 24) ** 2
        image[inside] = random.uniform(0, 255, 3)
    image += random.normal(0, 6, image.shape)
    return np.ascontiguousarray(image.clip(0, 255).astype(np.uint8))


def write_images(folder: Path, images: Sequence[Image], suffix: str) -> list[Path]:
    """Files called 0001, 0002, ..."""
    folder.mkdir(parents=True)
    files = [folder / f"{number:04}{suffix}" for number in range(1, len(images) + 1)]
    for file, image in zip(files, images, strict=True):
        assert cv2.imwrite(str(file), image)
    return files


def cityscapes(data: Path) -> None:
    """`run`, and `cityscapes` as its archives unpack, with what the network is said to have missed.

    Objects are what the network finds, but: in the first image one has another class than it
    says, one is not there, and there is a bus that it does not see and a group of persons.
    """
    images = [drawn((128, 256), seed) for seed in range(4)]
    made = stand_in(data / "run", images, classes=8, dataset="cityscapes_fine_instance_seg_val")
    names = ("frankfurt_000000_000294", "frankfurt_000001_000538", "lindau_000000_000019")
    for number, (image, found) in enumerate(zip(images, made.finds(images), strict=True)):
        name = [*names, "munster_000002_000019"][number]
        city = name.partition("_")[0]
        photographs = data / "cityscapes" / "leftImg8bit" / "val" / city
        truths = data / "cityscapes" / "gtFine" / "val" / city
        for folder in (photographs, truths):
            folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(photographs / f"{name}_leftImg8bit.png"), image)
        ids = _instance_ids(found, (128, 256), has_faults=number == 0)
        assert cv2.imwrite(str(truths / f"{name}_gtFine_instanceIds.png"), ids)


def _instance_ids(
    found: Sequence[Found], size_hw: tuple[int, int], *, has_faults: bool
) -> np.ndarray:
    """(H, W) uint16, as Cityscapes has them: label * 1000 + number, or a label alone."""
    labels = list(CITYSCAPES.values())
    ids = np.full(size_hw, 7, np.uint16)  # road
    apart = [one for one in _apart(found) if one.mask.sum() > 40]
    for number, one in enumerate(apart):
        label = labels[one.class_id]
        if has_faults and number == 0:
            label = labels[(one.class_id + 1) % len(labels)]
        if has_faults and number == 1:
            continue
        ids[one.mask & (ids == 7)] = label * 1000 + number
    if has_faults:
        ids[-20:, :30] = CITYSCAPES["person"]
        ids[:16, -60:] = CITYSCAPES["bus"] * 1000 + 99
    return ids


def _apart(found: Sequence[Found]) -> Iterator[Found]:
    """The sure ones, the best first, that have most of their pixels for themselves."""
    taken = np.zeros_like(found[0].mask)
    for one in found:
        if one.score >= SURE and (one.mask & taken).sum() < 0.1 * one.mask.sum():
            taken |= one.mask
            yield one


def xray(data: Path) -> None:
    """`xray`: 16-bit PNGs, and annotations of what the network finds in the 8 bits of training.

    Of implants it has to be surer than of others: some that it finds are none.
    """
    folder = data / "xray"
    grey = [drawn((128, 160), seed)[:, :, 1].astype(np.uint16) for seed in range(20, 24)]
    images = [400 + 97 * one for one in grey]
    write_images(folder / "val", images, ".png")
    seen = [cv2.cvtColor(_eight_bits(one), cv2.COLOR_GRAY2BGR) for one in images]
    made = stand_in(folder / "run", seen, classes=len(XRAY))
    categories = [{"id": 10 + class_id, "name": name} for class_id, name in enumerate(XRAY)]
    objects = [
        [one for one in found if one.score >= (SURE_OF_IMPLANTS if is_implant(one) else SURE)]
        for found in made.finds(seen)
    ]
    _write_annotations(folder / "val.json", objects, (128, 160), categories)


def is_implant(one: Found) -> bool:
    return XRAY[one.class_id] == "implant"


def _eight_bits(image: np.ndarray) -> Image:
    low, high = np.percentile(image, (0.5, 99.5))
    return np.clip((image - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def zoo(project: Path, cache: Path) -> None:
    """A small network under the names of the zoo's, its weights as they lie when downloaded."""
    images = [drawn((120, 160), seed) for seed in range(40, 48)]
    write_images(project / "data" / "photographs", images, ".jpg")
    made = stand_in(cache / "made", images[:4], classes=80, dataset="coco_2017_val")
    _put_in_place_of_zoos(project, ZOO_CONFIG, made)
    state = torch.load(made.training.weights, weights_only=True)["model"]
    weights = cache / "detectron2" / ZOO_WEIGHTS
    weights.parent.mkdir(parents=True)
    write_pickle(weights, {"model": arrays(state), "__author__": "Detectron2 Model Zoo"})


def masks(data: Path) -> None:
    """`masks`: a checkpoint, photographs, and a config that was dumped before it was finished."""
    folder = data / "masks"
    images = [drawn((120, 160), seed) for seed in range(60, 66)]
    write_images(folder / "photographs", images, ".jpg")
    made = stand_in(folder, images, classes=3)
    made.config.MODEL.ROI_HEADS.NUM_CLASSES = 80
    (folder / "cfgdump.txt").write_text(made.config.dump())
    made.training.config_file.unlink()


def parts(project: Path) -> None:
    """`parts`: a Detectron1 pickle, and annotations of what its network finds in Detectron2."""
    folder = project / "data" / "parts"
    images = [drawn((128, 160), seed) for seed in range(80, 84)]
    write_images(folder / "val", images, ".png")
    trained = stand_in(folder / "trained", images, classes=3)
    made = with_frozen_norms(trained, folder / "frozen")
    _put_in_place_of_zoos(project, DETECTRON1_CONFIG, made)
    made.config.MODEL.PIXEL_MEAN = [102.9801, 115.9465, 122.7717]
    blobs = as_caffe2(torch.load(made.training.weights, weights_only=True)["model"])
    content = {"blobs": blobs, "cfg": DETECTRON1_CFG}
    write_pickle(folder / "model_final.pkl", content)
    categories = [{"id": id_, "name": name} for name, id_ in PARTS.items()]
    objects = [[one for one in found if one.score >= SURE] for found in made.finds(images)]
    _write_annotations(folder / "val.json", objects, (128, 160), categories)


DETECTRON1_CFG = """\
MODEL: !!python/object/new:detectron.utils.collections.AttrDict
  dictitems:
    CONV_BODY: FPN.add_fpn_ResNet50_conv5_body
    FASTER_RCNN: true
    KEYPOINTS_ON: false
    MASK_ON: true
    NUM_CLASSES: 4
    TYPE: generalized_rcnn
  state: {__immutable__: true}
TEST: !!python/object/new:detectron.utils.collections.AttrDict
  dictitems:
    MAX_SIZE: 1333
    NMS: 0.5
    SCALE: 800
    SCORE_THRESH: 0.05
  state: {__immutable__: true}
"""


def _put_in_place_of_zoos(project: Path, name: str, made: StandIn) -> None:
    """A file goes before a name of the zoo, so the small network is found under it."""
    assert (CONFIGS / name).is_file()
    config = made.config.clone()
    if name == DETECTRON1_CONFIG:
        config.MODEL.ROI_HEADS.NUM_CLASSES = 80  # what the zoo's has
    (project / name).parent.mkdir()
    (project / name).write_text(config.dump())


def _write_annotations(
    file: Path,
    found: Sequence[Sequence[Found]],
    size_hw: tuple[int, int],
    categories: Sequence[dict[str, Any]],
) -> None:
    """A COCO file with these objects, of images that are called as `write_images` calls them."""
    height, width = size_hw
    annotations = []
    for image_id, objects in enumerate(found, start=1):
        for one in objects:
            x0, y0, x1, y1 = one.box_xyxy.tolist()
            rle = coco_mask.encode(np.asfortranarray(one.mask, dtype=np.uint8))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": categories[one.class_id]["id"],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": int(coco_mask.area(rle)),
                    "iscrowd": 0,
                    "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
                }
            )
    images = [
        {"id": number, "file_name": f"{number:04}.png", "height": height, "width": width}
        for number in range(1, len(found) + 1)
    ]
    document = {"images": images, "annotations": annotations, "categories": list(categories)}
    file.write_text(json.dumps(document))
