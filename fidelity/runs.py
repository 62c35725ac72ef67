"""The two runs, `zoo` and `batches`: what there is to do, doing it, keeping it, writing it down."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fidelity.batches import REPRESENTATIVES, measure
from fidelity.check import check
from fidelity.report import batches_table, put_between_marks, zoo_table
from fidelity.results import Results, Rows, state_of_things
from fidelity.zoo import FULL, Scale, ZooConfig, zoo_configs

Perform = Callable[[ZooConfig, Scale], Rows]
Table = Callable[[Sequence[dict[str, Any]], dict[str, Any]], str]


class CodeChanged(Exception):
    """Handler or export were edited during a run: a row would be of neither version."""

    def __init__(self, config: str) -> None:
        super().__init__(
            f"handler/ or export/ changed while {config} ran, and its row is not kept. The same "
            "command runs everything that has no row of the new code."
        )


class Run:
    """One of the two."""

    def __init__(
        self,
        name: str,
        configs: Iterable[ZooConfig],
        *,
        perform: Perform,
        table: Table,
        folder: Path,
        scale: Scale = FULL,
    ) -> None:
        """Prepare a run.

        Args:
            name: Of its file of results, and of its marks in the document.
            configs: Those to run.
            perform: Gives the rows of one config.
            table: Makes the document's text of all rows.
            folder: Where results are kept.
            scale: What is made smaller in the configs.
        """
        self._name, self._scale = name, scale
        self._configs = list(configs)
        self._perform, self._table = perform, table
        self._state = state_of_things(scale)
        self._results = Results(folder / f"{name}.jsonl", self._state)

    def listed(self, *, fresh: bool) -> list[tuple[str, str]]:
        """Name of each config, and whether it would be run and why."""
        return [(config.name, self._standing(config.name, fresh)) for config in self._configs]

    def go(self, *, fresh: bool) -> list[tuple[str, str]]:
        """Run every config that has no rows; keep the rows of each as soon as they are there.

        Args:
            fresh: Run the others as well.

        Returns:
            Name and problem of each row, of those kept before as well, that has one.

        Raises:
            CodeChanged: What was to be judged was edited meanwhile.
        """
        waiting = [one for one in self._configs if self._standing(one.name, fresh) != "has a row"]
        with tqdm(waiting, unit="config", dynamic_ncols=True, disable=None) as bar:
            for config in bar:
                bar.set_description(config.name)
                rows = self._perform(config, self._scale)
                if state_of_things(self._scale) != self._state:
                    raise CodeChanged(config.name)
                self._results.keep(config.name, rows)
                for row in rows:
                    bar.write(f"{row['seconds']:6.1f} s  {config.name}  {row['problem'] or 'good'}")
        return [
            (config.name, row["problem"])
            for config in self._configs
            for row in self._results.rows(config.name) or ()
            if row["problem"]
        ]

    def write(self, document: Path) -> None:
        """Put the table of all rows between the document's marks."""
        rows = [row for one in self._configs for row in self._results.rows(one.name) or ()]
        put_between_marks(document, self._name, self._table(rows, self._state))

    def _standing(self, config: str, fresh: bool) -> str:
        if self._results.rows(config) is None:
            return "has a row of another state" if self._results.is_stale(config) else "has no row"
        return "has a row, is run again" if fresh else "has a row"


def zoo_run(only: Sequence[str], *, folder: Path) -> Run:
    """Every config, image by image.

    Args:
        only: Parts of names, one of which a name has to contain; none for all.
        folder: Where results are kept.
    """
    return Run(
        "zoo",
        zoo_configs(only),
        perform=lambda config, scale: [check(config, scale).as_dict()],
        table=zoo_table,
        folder=folder,
    )


def batches_run(only: Sequence[str], *, folder: Path) -> Run:
    """Some configs, in batches; arguments as for `zoo_run`."""
    return Run(
        "batches",
        [config for config in zoo_configs(only) if config.name in REPRESENTATIVES],
        perform=lambda config, scale: [row.as_dict() for row in measure(config, scale)],
        table=batches_table,
        folder=folder,
    )
