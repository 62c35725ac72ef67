"""The arms that are ready to be measured, and what is measured of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.arms.predictors import Run
from benchmarks.checking import Checker, Checks
from benchmarks.processes import Tree
from benchmarks.scene import Scene
from benchmarks.series import Asking, Measurement, Series, in_process, served


@dataclass
class Lineup:
    """Arms that are ready.

    Attributes:
        scene: What they are asked about.
        series: What is measured of them, in the order of their turns.
        askings: How to ask besides, by name of the series.
        trees: Processes, by what was started.
        workers: Numbers of worker processes, by what was started and model.
        warmed: What was measured before the clock ran, by name of the series.
    """

    scene: Scene
    series: list[Series] = field(default_factory=list)
    askings: dict[str, Asking] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    workers: dict[str, list[int]] = field(default_factory=dict)
    warmed: dict[str, Measurement] = field(default_factory=dict)

    def named(self, name: str) -> Series | None:
        """One series, if it is there."""
        return next((one for one in self.series if one.name == name), None)

    def add_loop(self, name: str, run: Run, checker: Checker[Any], *, warm: bool = True) -> None:
        """A series in this process."""
        scene = self.scene
        self.series.append(
            Series(
                name=name,
                arm=name.split()[0],
                indices=scene.all_indices,
                requests=scene.options.requests,
                concurrency=1,
                checker=checker,
                measure=in_process(run, checker),
                warm_passes=int(warm),
            )
        )

    def add_server(
        self,
        name: str,
        asking: Asking,
        checker: Checks,
        *,
        concurrency: int,
        indices: Sequence[int] | None = None,
        requests: int | None = None,
        warm: bool = True,
        warm_passes: int | None = None,
    ) -> None:
        """A series that asks a server, or the pool.

        Args:
            name: Of the series; its first word is the arm.
            asking: Opens a client.
            checker: Of its answers.
            concurrency: Requests under way.
            indices: Numbers of the images it is asked about; all of them if not given.
            requests: How many of them in one round; as many as of the others if not given.
            warm: It is the first series of this server and these images.
            warm_passes: How often every image is sent before the clock runs; if not given, as
                often as `options` says to several workers, once to one.
        """
        scene, options = self.scene, self.scene.options
        if warm_passes is None:
            warm_passes = options.passes if concurrency > 1 else 1
        self.askings[name] = asking
        self.series.append(
            Series(
                name=name,
                arm=name.split()[0],
                indices=scene.all_indices if indices is None else indices,
                requests=requests or options.requests,
                concurrency=concurrency,
                checker=checker,
                measure=served(asking, checker.is_good, concurrency=concurrency),
                warm_passes=warm_passes if warm else 0,
            )
        )
