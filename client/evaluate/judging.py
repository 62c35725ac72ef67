"""Answers and annotations -> everything that is judged, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from client.evaluate.confusion import Cell, ConfusionMatrix, cells_of, confusion_matrix
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.matches import MAX_DETECTIONS, Matches, Task, match
from client.evaluate.pairing import PairBy, Pairing, pair
from client.evaluate.precision import ap_table, class_aps

_PERSON_KEYPOINTS = 17
_SUSPICIOUS_SCORE = 0.06
"""Detectron2's own least score is 0.05; a model that finds more than a few things comes near it."""

_ENOUGH_DETECTIONS = 10


@dataclass(frozen=True)
class Settings:
    """How it is judged.

    Attributes:
        iou: Least overlap of a detection and its object, for all that is not AP.
        score: Least score of a detection in the confusion matrix and the pictures.
        pair_by: What overlaps there.
        max_detections: The best so many of an image and class, in AP of boxes and masks.
        keypoint_sigmas: Of each keypoint, for OKS; None takes COCO's 17 of a person.
    """

    iou: float = 0.5
    score: float = 0.5
    pair_by: PairBy = "boxes"
    max_detections: int = MAX_DETECTIONS
    keypoint_sigmas: tuple[float, ...] | None = None


@dataclass(frozen=True)
class ImageAnswer:
    """What the model says of an image.

    Attributes:
        image: Which one.
        results: COCO results, best score first.
        seconds: From the request to the answer.
        stages: Seconds of each stage on the server.
    """

    image: ImageEntry
    results: Sequence[Mapping[str, Any]]
    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgedImage:
    """An image, its truth, its answer, and what became of both.

    Attributes:
        answer: What the model says.
        annotations: What is there.
        pairing: Which is which.
        cells: Of the confusion matrix; one for each object and false alarm.
    """

    answer: ImageAnswer
    annotations: Sequence[Annotation]
    pairing: Pairing
    cells: Sequence[Cell]

    @property
    def image(self) -> ImageEntry:
        """Which one."""
        return self.answer.image

    @property
    def objects(self) -> int:
        """How many there are, crowds left out."""
        return len(self.pairing.pairs) + self.missed

    @property
    def found(self) -> int:
        """Objects that were detected as what they are."""
        return sum(row == column for row, column in self.cells)

    @property
    def confused(self) -> int:
        """Objects that were detected as something else."""
        return len(self.pairing.pairs) - self.found

    @property
    def missed(self) -> int:
        """Objects that were not detected."""
        return len(self.pairing.missed)

    @property
    def false_alarms(self) -> int:
        """Detections where no object is."""
        return len(self.pairing.false_alarms)

    @property
    def errors(self) -> int:
        """Objects missed, objects taken for others, and false alarms."""
        return self.confused + self.missed + self.false_alarms


@dataclass(frozen=True)
class Failed:
    """An image that could not be judged.

    Attributes:
        image: Which one.
        type: Name of the error.
        message: A sentence.
    """

    image: ImageEntry
    type: str
    message: str


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on a data set.

    Attributes:
        dataset: All of it.
        settings: How it was judged.
        images: Those that were.
        failures: The others.
        matches: For AP, by task.
        confusion: Of all judged images.
        notes: What to know before one believes the numbers, in sentences.
    """

    dataset: Dataset
    settings: Settings
    images: tuple[JudgedImage, ...]
    failures: tuple[Failed, ...]
    matches: Mapping[Task, Matches]
    confusion: ConfusionMatrix
    notes: tuple[str, ...]

    @cached_property
    def ap(self) -> dict[Task, dict[str, float]]:
        """`COCOEvaluator`'s metrics by task, in percent; NaN where they are not defined."""
        return {task: ap_table(found) for task, found in self.matches.items()}

    @cached_property
    def class_ap(self) -> dict[Task, dict[int, float]]:
        """AP by task and id of a category, likewise."""
        return {task: class_aps(found) for task, found in self.matches.items()}

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """COCO results of all judged images."""
        return [result for one in self.images for result in one.answer.results]

    def worst(self, count: int) -> list[JudgedImage]:
        """The images with most errors, none without.

        Of equally many the one comes first whose surest false alarm has the higher score.

        Args:
            count: So many at most.
        """

        def badness(one: JudgedImage) -> tuple[int, float]:
            scores = [one.answer.results[index]["score"] for index in one.pairing.false_alarms]
            return one.errors, max(scores, default=0.0)

        wrong = [one for one in self.images if one.errors]
        return sorted(wrong, key=badness, reverse=True)[:count]


def judge(
    dataset: Dataset,
    answers: Sequence[ImageAnswer],
    settings: Settings,
    *,
    failures: Sequence[Failed] = (),
    notes: Sequence[str] = (),
) -> Evaluation:
    """Judge answers.

    Args:
        dataset: What is there.
        answers: What the model says of images of it.
        settings: How to judge.
        failures: Images that have no answer. They take part in nothing.
        notes: What is known already, in sentences.
    """
    results = [result for answer in answers for result in answer.results]
    tasks, task_notes = _tasks(dataset, results, settings)
    by = settings.pair_by
    if by == "masks" and "segm" not in tasks:
        by = "boxes"
        task_notes.append("There are no masks on both sides to pair by: boxes are paired instead.")
    matches = {
        task: match(
            dataset,
            results,
            task,
            image_ids=[answer.image.id for answer in answers],
            max_detections=settings.max_detections,
            keypoint_sigmas=settings.keypoint_sigmas,
            also_at=(settings.iou,),
        )
        for task in tasks
    }
    truth = dataset.by_image()
    images = []
    for answer in answers:
        annotations = truth[answer.image.id]
        pairing = pair(annotations, answer.results, iou=settings.iou, score=settings.score, by=by)
        cells = cells_of(pairing, annotations, answer.results, dataset.categories)
        images.append(JudgedImage(answer, annotations, pairing, cells))
    confusion = confusion_matrix([one.cells for one in images], dataset.categories)
    return Evaluation(
        dataset,
        replace(settings, pair_by=by),
        tuple(images),
        tuple(failures),
        matches,
        confusion,
        (*dataset.notes, *notes, *task_notes, *_number_notes(confusion, results)),
    )


def _tasks(
    dataset: Dataset, results: Sequence[Mapping[str, Any]], settings: Settings
) -> tuple[list[Task], list[str]]:
    """What is judged, as `COCOEvaluator` sees it from the answers, and what cannot be."""
    tasks: list[Task] = ["bbox"]
    notes = []
    if any("segmentation" in one for one in results):
        if dataset.has_masks:
            tasks.append("segm")
        elif dataset.annotations:
            notes.append("Not all objects of the annotations have masks: masks are not judged.")
    keypoints = next((len(one["keypoints"]) // 3 for one in results if "keypoints" in one), None)
    if keypoints is not None:
        sigmas = len(settings.keypoint_sigmas or ()) or _PERSON_KEYPOINTS
        if keypoints == dataset.keypoint_count == sigmas:
            tasks.append("keypoints")
        else:
            there = dataset.keypoint_count or "not all have as many or any"
            notes.append(
                f"Keypoints are not judged: the model has {keypoints}, the objects of the "
                f"annotations have {there}, and there are {sigmas} sigmas; all have to be the "
                "same. --keypoint-sigmas names them."
            )
    if any("rotated_box" in one for one in results):
        notes.append(
            "The model answers with rotated boxes. What is judged is the upright box around each, "
            "against the upright boxes of the annotations: AP is not that of Detectron2's "
            "RotatedCOCOEvaluator, which compares rotated ones."
        )
    return tasks, notes


def _number_notes(confusion: ConfusionMatrix, results: Sequence[Mapping[str, Any]]) -> list[str]:
    if not confusion.total.objects:
        return ["No image that was judged has an object: AP is not defined."]
    if not results:
        return ["The model found nothing: AP is 0."]
    lowest = min(one["score"] for one in results)
    if lowest < _SUSPICIOUS_SCORE or len(results) < _ENOUGH_DETECTIONS:
        return []
    return [
        f"The lowest score of {len(results)} detections is {lowest:.4f}: the model seems to leave "
        "out what is below. AP counts on low scores, so it is lower than the weights deserve; "
        "an archive exported with --score-threshold 0.05 shows it."
    ]
