"""`metadata.json` of an archive: what the model is, written by `export`, read by the worker."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from handler.layout import METADATA_FILE

FORMAT_VERSION = 1

ConfigKind: TypeAlias = Literal["yacs", "lazy"]

Precision: TypeAlias = Literal["exact", "fast", "bf16", "fp16"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class ClassInfo:
    """One class.

    Attributes:
        name: Its name.
        color_rgb: Its colour in pictures, each 0..255.
        dataset_id: Its id in the data set that the model was trained on, where one is known.
    """

    name: str
    color_rgb: tuple[int, int, int]
    dataset_id: int | None = None


@dataclass(frozen=True)
class InputSpec:
    """How images are prepared for the network.

    Attributes:
        channels: Order of the channels, `BGR` or `RGB`.
        min_size: Length in pixels that the shorter side is resized to; 0 leaves images alone.
        max_size: Length in pixels that the longer side may have after that.
        proposal_topk: How many of the proposals that a request brings are used, the best; None
            where the network finds its own.
    """

    channels: Literal["BGR", "RGB"]
    min_size: int
    max_size: int
    proposal_topk: int | None = None


@dataclass(frozen=True)
class DetectionSpec:
    """Which instances the network itself leaves out; no request brings them back.

    Attributes:
        score_threshold: Those with a lower score, 0 to 1.
        nms_threshold: Those whose box has a higher IoU with a better one of the same class.
        max_detections: Of an image, those after the best so many; None where there is no limit.
    """

    score_threshold: float
    nms_threshold: float
    max_detections: int | None


@dataclass(frozen=True)
class Metadata:
    """What an archive says of its model beyond config and weights.

    Attributes:
        architecture: Name of the network's class, such as `GeneralizedRCNN`.
        config_kind: How `config.yaml` is to be read: `yacs` (a CfgNode) or `lazy`.
        modules: Python modules to import before the network is built, because they register parts
            of it: Detectron2's projects by their full name, the owner's modules by theirs.
        owner_modules: Those of them that travel inside the archive.
        input: How images are prepared.
        outputs: What the network answers with: `boxes`, `masks`, `keypoints`, `proposals`,
            `semantic`, `panoptic`.
        classes: Of the instances; the position is the `class_id` that the model answers with.
        stuff_classes: Of semantic and panoptic segmentation.
        keypoint_names: In the order of the model's keypoints.
        files: Hex sha256 of the archive's other files, by name.
        exported_with: Versions of the packages that the archive was made with, by name.
        precision: How the network computes, see `handler.precision`.
        verification: What `export` found when it held the finished archive against Detectron2.
        detection: Which instances the network leaves out; None where it does not say, or finds
            none, or an older `export` did not ask.
    """

    architecture: str
    config_kind: ConfigKind
    input: InputSpec
    outputs: tuple[str, ...]
    classes: tuple[ClassInfo, ...]
    files: dict[str, str]
    exported_with: dict[str, str]
    stuff_classes: tuple[ClassInfo, ...] = ()
    keypoint_names: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    owner_modules: tuple[str, ...] = ()
    precision: Precision = "exact"
    verification: dict[str, Any] = field(default_factory=dict)
    detection: DetectionSpec | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of `classes`, by class id."""
        return tuple(one.name for one in self.classes)

    def class_of(self, class_id: int) -> ClassInfo:
        """The class of an instance; one that nobody has named is called by its number."""
        return _class_or_number(self.classes, class_id)

    def stuff_class_of(self, class_id: int) -> ClassInfo:
        """The class of a part of a semantic segmentation, likewise."""
        return _class_or_number(self.stuff_classes, class_id)

    def segment_class_of(self, class_id: int, *, is_thing: bool) -> ClassInfo:
        """The class of a part of a panoptic segmentation, likewise."""
        return self.class_of(class_id) if is_thing else self.stuff_class_of(class_id)

    def to_json(self) -> str:
        """The text of the file, the same for the same content."""
        document = {"format_version": FORMAT_VERSION, **asdict(self)}
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Metadata":
        """Read the text of the file.

        Raises:
            ValueError: Not such a file, or written by a newer export than this handler knows.
        """
        try:
            document = json.loads(text)
            version = document.pop("format_version")
            if version != FORMAT_VERSION:
                raise ValueError(f"it has format version {version}, {FORMAT_VERSION} is read here")
            for key in ("classes", "stuff_classes"):
                document[key] = tuple(_class_info(one) for one in document[key])
            for key in ("outputs", "keypoint_names", "modules", "owner_modules"):
                document[key] = tuple(document[key])
            for key in ("files", "exported_with", "verification"):
                document[key] = dict(document[key])
            document["input"] = InputSpec(**document["input"])
            if (detection := document.get("detection")) is not None:
                document["detection"] = DetectionSpec(**detection)
            return cls(**document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{METADATA_FILE} cannot be read: {error}.") from error

    @classmethod
    def read(cls, model_dir: Path) -> "Metadata":
        """Read the file of an opened archive.

        Raises:
            ValueError: As `from_json`.
        """
        return cls.from_json((model_dir / METADATA_FILE).read_text(encoding="utf-8"))


def _class_or_number(classes: tuple[ClassInfo, ...], class_id: int) -> ClassInfo:
    if 0 <= class_id < len(classes):
        return classes[class_id]
    return ClassInfo(f"class_{class_id}", (128, 128, 128))


def _class_info(document: dict[str, Any]) -> ClassInfo:
    red, green, blue = document["color_rgb"]
    return ClassInfo(**{**document, "color_rgb": (red, green, blue)})
