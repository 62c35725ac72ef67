"""Answers and annotations -> everything that is judged, as values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from client.evaluate.confusion import Cell, ConfusionMatrix, cells_of, confusion_matrix
from client.evaluate.dataset import Annotation, Dataset, ImageEntry
from client.evaluate.matches import MAX_DETECTIONS, Matches, Task
from client.evaluate.matching import Matching, batches
from client.evaluate.notes import judged_tasks, number_notes
from client.evaluate.pairing import PairBy, Pairing, pair
from client.evaluate.precision import ap_table, class_aps
from client.evaluate.steps import Step, no_step
from client.wording import many

_PAIRED_TASKS: Mapping[PairBy, Task] = {"boxes": "bbox", "masks": "segm"}


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


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What the model says of an image.

    Attributes:
        image: Which one.
        results: Gives its COCO results, best score first. They are read each time: those of all
            images, with masks, would be most of what memory holds.
        seconds: From the request to the answer.
    """

    image: ImageEntry
    results: Callable[[], Sequence[Mapping[str, Any]]]
    seconds: float


@dataclass(frozen=True, slots=True)
class JudgedImage:
    """An image, its truth, its answer, and what became of both.

    Attributes:
        answer: What the model says.
        annotations: What is there.
        pairing: Which is which.
        cells: Of the confusion matrix; one for each pair, each missed object and false alarm.
        surest_false_alarm: The highest score of a false alarm; 0 without one.
    """

    answer: ImageAnswer
    annotations: Sequence[Annotation]
    pairing: Pairing
    cells: Sequence[Cell]
    surest_false_alarm: float

    @property
    def image(self) -> ImageEntry:
        """Which one."""
        return self.answer.image

    @property
    def objects(self) -> int:
        """How many there are, crowds left out."""
        return len(self.pairing.pairs) + self.missed

    @property
    def right(self) -> set[int]:
        """Positions of the objects that were detected as what they are."""
        cells = zip(self.pairing.pairs, self.cells, strict=False)
        return {pair.object for pair, (row, column) in cells if row == column}

    @property
    def found(self) -> int:
        """How many that are."""
        return len(self.right)

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
        detections: How many the model has made, of any score.
        matches: For AP, by task.
        confusion: Of all judged images.
        notes: What to know before one believes the numbers, in sentences.
    """

    dataset: Dataset
    settings: Settings
    images: tuple[JudgedImage, ...]
    failures: tuple[Failed, ...]
    detections: int
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
    def paired_task(self) -> Task:
        """By whose overlap objects and detections are paired, and best thresholds are found."""
        return _PAIRED_TASKS[self.settings.pair_by]

    def results(self) -> Iterator[Mapping[str, Any]]:
        """COCO results of all judged images, read one image at a time."""
        for one in self.images:
            yield from one.answer.results()

    def worst(self, count: int) -> list[JudgedImage]:
        """The images with most errors, none without.

        Of equally many the one comes first whose surest false alarm has the higher score.

        Args:
            count: So many at most.
        """
        wrong = [one for one in self.images if one.errors]
        wrong.sort(key=lambda one: (one.errors, one.surest_false_alarm), reverse=True)
        return wrong[:count]


def judge(
    dataset: Dataset,
    answers: Sequence[ImageAnswer],
    settings: Settings,
    *,
    failures: Sequence[Failed] = (),
    notes: Sequence[str] = (),
    model_threshold: float | None = None,
    step: Step = no_step,
) -> Evaluation:
    """Judge answers.

    Args:
        dataset: What is there.
        answers: What the model says of images of it.
        settings: How to judge.
        failures: Images that have no answer. They take part in nothing.
        notes: What is known already, in sentences.
        model_threshold: Below which the model answers nothing; None where it does not say.
        step: Called with each part.
    """
    # One model has made them all: what it answers with is seen where it first found something.
    found = next((results for one in answers if (results := one.results())), ())
    tasks, task_notes = judged_tasks(dataset, found, settings.keypoint_sigmas)
    by = settings.pair_by
    if by == "masks" and "segm" not in tasks:
        by = "boxes"
        task_notes.append("There are no masks on both sides to pair by: boxes are paired instead.")
    settings = replace(settings, pair_by=by)
    judging = _Judging(dataset, settings, tasks)
    by_image = {answer.image: answer for answer in answers}
    for some in batches(by_image):
        step(f"judging {many(len(answers), 'image')}")
        judging.add([by_image[image] for image in some])
    images = tuple(judging.images[answer.image.id] for answer in answers)
    confusion = confusion_matrix([one.cells for one in images], dataset.categories)
    return Evaluation(
        dataset,
        settings,
        images,
        tuple(failures),
        judging.detections,
        {task: matching.matches() for task, matching in judging.matchings.items()},
        confusion,
        (
            *dataset.notes,
            *notes,
            *task_notes,
            *number_notes(
                confusion.total.objects, judging.detections, judging.lowest_score, model_threshold
            ),
        ),
    )


class _Judging:
    """What is known of the images that were judged so far."""

    def __init__(self, dataset: Dataset, settings: Settings, tasks: Sequence[Task]) -> None:
        self.images: dict[int | str, JudgedImage] = {}
        self.detections = 0
        self.lowest_score = 1.0
        self.matchings = {
            task: Matching(
                task,
                dataset.categories,
                max_detections=settings.max_detections,
                keypoint_sigmas=settings.keypoint_sigmas,
                also_at=(settings.iou,),
            )
            for task in tasks
        }
        self._settings = settings
        self._categories = dataset.categories
        self._truth = dataset.by_image()
        self._known: dict[Cell, Cell] = {}

    def add(self, answers: Sequence[ImageAnswer]) -> None:
        """Judge some more images, whose ids come after those before."""
        said = [answer.results() for answer in answers]
        images = [answer.image for answer in answers]
        objects = [one for image in images for one in self._truth[image.id]]
        results = [result for one in said for result in one]
        for matching in self.matchings.values():
            matching.add(images, objects, results)
        for answer, found in zip(answers, said, strict=True):
            self.images[answer.image.id] = self._judged(answer, found)
        self.detections += len(results)
        self.lowest_score = min([self.lowest_score, *(one["score"] for one in results)])

    def _judged(self, answer: ImageAnswer, results: Sequence[Mapping[str, Any]]) -> JudgedImage:
        settings, annotations = self._settings, self._truth[answer.image.id]
        pairing = pair(
            annotations, results, iou=settings.iou, score=settings.score, by=settings.pair_by
        )
        cells = cells_of(pairing, annotations, results, self._categories)
        surest = max((results[index]["score"] for index in pairing.false_alarms), default=0.0)
        # The same few cells are those of all images.
        shared = tuple(self._known.setdefault(cell, cell) for cell in cells)
        return JudgedImage(answer, annotations, pairing, shared, surest)
