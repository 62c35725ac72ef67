"""The command from end to end: read, ask, compare, judge by conditions, write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from client.compare.asking import Asked
from client.compare.comparison import Failed
from client.compare.conditions import (
    Condition,
    Verdict,
    require_annotations,
    verdicts,
)
from client.compare.document import Origin, report
from client.compare.page import page
from client.compare.running import Request, run
from client.compare.values import values
from client.connection import Connection
from client.evaluate.steps import Step, Stopped, no_step
from client.report.json_text import write_document
from client.report.page import render
from client.writing import replacing_text

GALLERY = 24


@dataclass(frozen=True)
class Outcome:
    """What a comparison came to.

    Attributes:
        document: As `report.json` has it.
        verdicts: What became of conditions, in their order.
        is_complete: Whether both versions have answered every image.
        unanswered: What the new version has not answered and the old one has.
    """

    document: dict[str, Any]
    verdicts: Sequence[Verdict]
    is_complete: bool
    unanswered: Sequence[Failed]

    @property
    def failing(self) -> list[Verdict]:
        """Conditions that are so, or that nobody can tell."""
        return [one for one in self.verdicts if one.fails]


def compare(
    connection: Connection,
    request: Request,
    conditions: Sequence[Condition] = (),
    *,
    progress: Callable[[Asked], None] = lambda _: None,
    step: Step = no_step,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome | None:
    """Compare two served versions, and write `report.json` and `report.html`.

    Args:
        connection: The server.
        request: What is to be compared; the reports go where its answers are kept.
        conditions: What must not be so.
        progress: Called with each image that was asked about.
        step: Called with each part of what is computed then.
        stopped: Says whether to stop asking.

    Returns:
        What it came to; None where it was stopped before the end.

    Raises:
        client.compare.conditions.ConditionError: A condition on AP, and there are no annotations.
        ClientError: Anything else; what was answered is kept.
    """
    if request.images.dataset is None:
        require_annotations(conditions)
    try:
        return _compare(connection, request, conditions, progress, step, stopped)
    except Stopped:
        return None


def _compare(
    connection: Connection,
    request: Request,
    conditions: Sequence[Condition],
    progress: Callable[[Asked], None],
    step: Step,
    stopped: Callable[[], bool],
) -> Outcome:
    compared = run(connection, request, progress=progress, step=step, stopped=stopped)
    step("computing AP" if compared.comparison.judged else "adding up what differs")
    found = verdicts(conditions, values(compared.comparison))
    origin = Origin(
        compared.model,
        request.versions,
        datetime.now().astimezone().isoformat(timespec="seconds"),
        request.options.given(),
        compared.categories_by,
        compared.times_s,
        request.resamples,
    )
    document = report(compared.comparison, origin, found)
    step("drawing the page")
    drawn = render(page(compared.comparison, document, compared.answers, request.images.files))
    step("drawing the page")
    # The files belong together: from here on nothing stops.
    write_document(request.folder / "report.json", document)
    with replacing_text(request.folder / "report.html") as file:
        file.write(drawn)
    comparison = compared.comparison
    return Outcome(document, found, not comparison.failures, comparison.unanswered)
