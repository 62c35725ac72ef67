"""All that the arms have in common: images, model, what Detectron2 says of them, archives."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.arms.archives import EXACT, export_archive, naive_archive, noop_archive
from benchmarks.arms.predictors import Predictors
from benchmarks.environment import computes_in_bfloat16
from benchmarks.errors import ArmUnavailable, BenchmarkError
from benchmarks.found import Found
from benchmarks.material import Image, material
from benchmarks.models import MODELS, ModelFiles
from benchmarks.options import Options
from benchmarks.progress import Say
from benchmarks.reference import references
from handler.exactness import use_exact_backends
from handler.image import decode_image

_LIGHT = 5_000_000
"""Mask pixels of an image, all objects together, that N1 is asked about at most.

That is 640 x 480 with 16 objects. As TorchServe writes a list, a pixel takes 15 bytes: these are
75 MB, and several times as much while they are written.
"""

_LIGHT_ONE_BY_ONE = 12_000_000
"""The same where one client asks, so that one such answer is under way: 180 MB."""


@dataclass
class Scene:
    """What is measured.

    Attributes:
        options: How.
        scratch: Folder for everything that is written.
        images: The material.
        files: The model.
        predictors: Detectron2 in this process.
        expected: What it says of each image, by torch's number of threads.
        seconds_an_image: That it took, roughly.
        archives: By precision ours, and `naive` and `noop`.
        left_out: Arms that cannot run here, and why.
    """

    options: Options
    scratch: Path
    images: list[Image]
    files: ModelFiles
    predictors: Predictors
    expected: dict[int, list[Found]]
    seconds_an_image: float
    archives: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def all_indices(self) -> list[int]:
        """Numbers of all images."""
        return list(range(len(self.images)))

    def light_indices(self, *, one_by_one: bool) -> list[int]:
        """Numbers of the images that N1 can be asked about: by several clients, or by one."""
        most = _LIGHT_ONE_BY_ONE if one_by_one else _LIGHT
        expected = self.expected[self.options.threads]
        return [
            index
            for index, (image, found) in enumerate(zip(self.images, expected, strict=True))
            if image.pixels * len(found) <= most
        ]

    def wants(self, arm: str) -> bool:
        """Whether an arm is asked for and can run."""
        return arm in self.options.arms and arm not in self.left_out


def prepare(options: Options, scratch: Path, say: Say) -> Scene:
    """Make everything that needs no server.

    Args:
        options: What is measured.
        scratch: An empty folder.
        say: Gets a line for every step.

    Raises:
        BenchmarkError: Something that all arms need is missing.
    """
    # OMP_NUM_THREADS may say otherwise, for other processes.
    torch.set_num_threads(options.threads)
    images = material()[: options.images]
    _check_decoders(images)
    say(f"{options.model}: config and weights")
    files = MODELS[options.model](scratch, material(), full_size=options.full_size)
    # The switches belong to the process; our handler, which runs in it as well, sets them so.
    use_exact_backends()
    say(f"{options.model}: what Detectron2 says of {len(images)} images")
    predictors = Predictors.load(files, images, options.device)
    expected = {
        threads: references(predictors.predictor, images, threads=threads)
        for threads in (options.worker_threads, options.threads)
    }
    start = time.perf_counter()
    predictors.predict(0)
    seconds = time.perf_counter() - start
    scene = Scene(options, scratch, images, files, predictors, expected, seconds)
    say(f"{options.model}: archives")
    _make_archives(scene)
    return scene


def _make_archives(scene: Scene) -> None:
    options = scene.options
    folder = scene.scratch / "archives"
    folder.mkdir()
    if {"H", "S", "S1"} & {*options.arms}:
        for precision in options.precisions:
            try:
                _check_precision(precision, options.device)
                archive = export_archive(scene.files, folder, precision=precision)
            except ArmUnavailable as error:
                scene.left_out[f"precision {precision}"] = str(error)
            else:
                scene.archives[precision] = archive
        if EXACT not in scene.archives:
            reason = f"precision {EXACT} is not asked for"
            scene.left_out |= dict.fromkeys({"H", "S1"} & {*options.arms}, reason)
    for arm, name in (("N1", "naive"), ("T", "noop")):
        if arm in options.arms:
            try:
                scene.archives[name] = (
                    naive_archive(
                        scene.files, folder, workers=options.workers, device=options.device
                    )
                    if name == "naive"
                    else noop_archive(folder, device=options.device)
                )
            except ArmUnavailable as error:
                scene.left_out[arm] = str(error)


def _check_precision(precision: str, device: str) -> None:
    cpuinfo = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    if precision == "bf16" and device == "cpu" and not computes_in_bfloat16(cpuinfo):
        raise ArmUnavailable("The processor has neither AVX512-BF16 nor AMX.")


def _check_decoders(images: Sequence[Image]) -> None:
    """Our handler decodes with Pillow, B1 with OpenCV: both must see the same pixels."""
    from benchmarks.material import decode

    for image in images:
        ours = decode_image(image.jpeg, max_pixels=10**9)
        if ours.tobytes() != decode(image.jpeg).tobytes():
            raise BenchmarkError(
                f'Pillow and OpenCV decode "{image.name}" to different pixels on this machine: '
                "answers could not be compared bit for bit."
            )
