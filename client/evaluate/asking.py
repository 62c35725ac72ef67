"""Images of a data set -> what the served model says of them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from client.answers.files import file_source
from client.answers.journal import Journal
from client.answers.opening import Run
from client.answers.record import Record
from client.answers.run import ask_all
from client.answers.times import Times
from client.classes import ClassMap, How, ModelClass, described_classes, map_classes, unjudged
from client.errors import ClientError
from client.evaluate.dataset import Dataset, ImageEntry
from client.evaluate.errors import BadMaterial
from client.evaluate.judging import Failed, ImageAnswer
from client.progress import ImageProgress
from client.wording import many, some


@dataclass(frozen=True)
class Answers:
    """What a run has brought.

    Attributes:
        answers: In the order of the images. Results are read from the run's journal, as long as it
            is open.
        failures: Images that have no answer, or one that cannot be judged.
        class_map: Which category each class is.
        times: How long answers took that can be judged.
        notes: What does not fit, in sentences.
        model_threshold: Below which the model answers nothing; None where it does not say.
        earlier: How many of the answers are of an earlier run.
    """

    answers: tuple[ImageAnswer, ...]
    failures: tuple[Failed, ...]
    class_map: ClassMap
    times: Times
    notes: tuple[str, ...]
    model_threshold: float | None
    earlier: int


def find_images(
    dataset: Dataset, folder: Path, *, allow_missing: bool = False
) -> dict[ImageEntry, Path]:
    """The files of a data set's images.

    Args:
        dataset: Names them.
        folder: Where they are.
        allow_missing: Whether to go on with those that are there.

    Raises:
        BadMaterial: Some are not there, or none.
    """
    files = {image: folder / image.file_name for image in dataset.images}
    there = {image: file for image, file in files.items() if file.is_file()}
    missing = [image.file_name for image in files if image not in there]
    if not missing:
        return files
    if not folder.is_dir():
        raise BadMaterial([f"{folder} is not a folder of images."])
    if allow_missing and there:
        return there
    hint = "" if len(missing) == len(files) else " --allow-missing judges the others."
    raise BadMaterial(
        [
            f"{many(len(missing), 'image')} of {len(files)} that {dataset.path} names "
            f"{'is' if len(missing) == 1 else 'are'} not in {folder}: {some(missing)}.{hint}"
        ]
    )


def known_classes(run: Run) -> list[ModelClass] | None:
    """The model's classes as it describes them; None where it was not reached for that.

    Raises:
        ClientError: It does not find instances.
    """
    if run.description is None:
        return None
    outputs = run.description.get("outputs", ["boxes"])
    if "boxes" not in outputs:
        raise ClientError(
            f"{run.model} {run.version} answers with {' and '.join(outputs)}; what is judged are "
            "boxes, masks and keypoints of instances."
        )
    return described_classes(run.description)


def ask(
    run: Run,
    dataset: Dataset,
    files: dict[ImageEntry, Path],
    *,
    workers: int,
    how: How | None = None,
    progress: ImageProgress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Answers | None:
    """Ask about all images that were not asked about before.

    Args:
        run: Whom, and what was answered before.
        dataset: What the images are of.
        files: The images.
        workers: How many requests at a time.
        how: The one way to find the category of a class.
        progress: Shows how far it is.
        stopped: Says whether to stop.

    Returns:
        None where it was stopped before the end.

    Raises:
        ClientError: The server stays away; what was answered is kept in the run's journal. Or no
            class of the model is one of the annotations.
    """
    described = known_classes(run)
    if described is not None:  # said before anything is asked
        map_classes(described, dataset.categories, are_all=True, how=how)
    run.journal.begin()
    sources = (file_source(file, image.file_name) for image, file in files.items())
    images = {image.file_name: image for image in files}
    seen: Counter[ModelClass] = Counter()
    failures = []
    seconds = {}
    times = Times()
    count = earlier = 0
    for record in ask_all(
        run.detector, sources, run.journal, run.options, workers=workers, stopped=stopped
    ):
        count += 1
        image = images[record.image]
        if progress is not None:
            progress.step(fresh=not record.earlier)
        failure = _failure(image, record)
        if failure is not None:
            failures.append(failure)
            continue
        earlier += record.earlier
        seconds[image] = record.seconds
        times.add(record)
        objects = (record.document or {})["predictions"]
        seen.update(ModelClass(one["class_id"], one["class_name"]) for one in objects)
    if count < len(files):
        return None
    class_map = map_classes(
        described if described is not None else sorted(seen, key=lambda one: one.id),
        dataset.categories,
        are_all=described is not None,
        how=how,
    )
    left_out = {one: n for one, n in seen.items() if one.id not in class_map.category_ids}
    read = partial(_results, run.journal, class_map.category_ids)
    return Answers(
        tuple(
            ImageAnswer(image, partial(read, image), duration)
            for image, duration in seconds.items()
        ),
        tuple(failures),
        class_map,
        times,
        (*class_map.notes, *unjudged(left_out)),
        _model_threshold(run),
        earlier,
    )


def _model_threshold(run: Run) -> float | None:
    spec = (run.description or {}).get("detection") or {}  # of older archives it is not there
    return spec.get("score_threshold")


def _results(
    journal: Journal, category_ids: Mapping[int, int], image: ImageEntry
) -> list[dict[str, Any]]:
    predictions = journal.record(image.file_name).predictions
    assert predictions is not None, "a failure has been put aside"
    return predictions.to_coco(image.id, category_ids)


def _failure(image: ImageEntry, record: Record) -> Failed | None:
    if record.failure is not None:
        return Failed(image, record.failure.type, record.failure.message)
    size = (record.document or {})["image"]
    height, width = size["height"], size["width"]
    if (height, width) != image.size_hw:
        said_height, said_width = image.size_hw
        return Failed(
            image,
            "SizeMismatch",
            f"it has {width} x {height} pixels (width x height, upright), and "
            f"{said_width} x {said_height} in the annotations",
        )
    return None
