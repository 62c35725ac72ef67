"""Results -> the table that holds them against the goals that were set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks import figures
from benchmarks.figures import Result
from benchmarks.growth import photograph
from benchmarks.ratios import Estimate, estimate
from benchmarks.tables import digits, estimate_cells, table

Value = Callable[[Result], Estimate | None]


@dataclass(frozen=True)
class Goal:
    """One row.

    Attributes:
        text: What is measured.
        result: Name of the result that says it.
        bound: What the median shall reach.
        value: Finds it in the result; None where it was not measured.
        is_least: The bound is the least that is accepted, else the most.
        factor: What numbers are multiplied by where they are shown.
        unit: What is written behind them.
    """

    text: str
    result: str
    bound: float
    value: Value
    is_least: bool = True
    factor: float = 1.0
    unit: str = ""

    def is_met(self, value: Estimate) -> bool:
        """Whether the median reaches the bound."""
        return value.median >= self.bound if self.is_least else value.median <= self.bound


def markdown(results: Mapping[str, Result]) -> str:
    """The table, and on which results it cannot be relied.

    Args:
        results: By name, such as `cpu-coins`; what is missing was not measured.
    """
    rows = [_row(goal, results.get(goal.result)) for goal in GOALS]
    text = table(["what", "result", "goal", "median", "95 % interval", ""], rows)
    loud = [name for name, result in results.items() if not figures.null_test(result).contains(1)]
    if not loud:
        return text
    return f"{text}\n\nThe machine was not quiet, as the null test shows, during {', '.join(loud)}."


def _row(goal: Goal, result: Result | None) -> list[str]:
    sign = ">=" if goal.is_least else "<="
    head = [goal.text, goal.result, f"{sign} {digits(goal.bound * goal.factor)}{goal.unit}"]
    value = goal.value(result) if result is not None else None
    if value is None:
        return [*head, "", "", "not measured"]
    median, interval = estimate_cells(value, factor=goal.factor, unit=goal.unit)
    return [*head, median, interval, "met" if goal.is_met(value) else "**not met**"]


def _throughput(over: str, under: str) -> Value:
    return partial(figures.throughput_ratio, over=over, under=under)


def _photograph(result: Result) -> Estimate | None:
    found = photograph(result)
    return found.ratio if found is not None else None


def _bytes_saved(result: Result) -> Estimate | None:
    found = figures.bytes_ratio(result)
    if found is None:
        return None
    values = tuple(1 / one for one in found.values)
    return Estimate(1 / found.median, 1 / found.high, 1 / found.low, values)


def _checked(series: str, key: str) -> Value:
    """A number of what was found when answers were compared; None where there were no objects."""

    def value(result: Result) -> Estimate | None:
        found = result["checked"].get(series, {})
        if not found.get("objects") or found.get(key) is None:
            return None
        return estimate([found[key]])

    return value


GOALS = (
    Goal("exact, S kept busy / B1, R50-FPN", "cpu-r50", 1.0, _throughput("S", "B1")),
    Goal("exact, S kept busy / B1, coins", "cpu-coins", 1.3, _throughput("S", "B1")),
    Goal("S / N1 on the photograph of 24 coins, one client", "cpu-coins", 15, _photograph),
    Goal(
        "S / N1, one client, up to 12 million mask pixels",
        "cpu-coins",
        15,
        _throughput("S one by one", "N1 one by one"),
    ),
    Goal(
        "S / N1, kept busy, up to 5 million mask pixels",
        "cpu-coins",
        15,
        _throughput("S light", "N1"),
    ),
    Goal("bytes of an answer, N1 / S", "cpu-coins", 1000, _bytes_saved),
    *(
        Goal("host stages of H / of B2", name, 1 / 3, figures.host_ratio, is_least=False)
        for name in ("cpu-coins", "cpu-r50")
    ),
    Goal(
        "S1 beyond its forward pass, of the forward pass, R50-FPN",
        "cpu-r50",
        0.03,
        figures.overhead,
        is_least=False,
        factor=100,
        unit=" %",
    ),
    *(
        Goal(f"bf16, S kept busy / B1, {what}", name, 2.0, _throughput("S bf16", "B1"))
        for what, name in (("R50-FPN", "cpu-r50"), ("widths of R50-FPN, trained", "cpu-wide"))
    ),
    Goal(
        "bf16, mask IoU against exact, median",
        "cpu-wide",
        0.99,
        _checked("S bf16", "median_mask_iou"),
    ),
    Goal(
        "bf16, objects with a score above 0.5 that are missed",
        "cpu-wide",
        0,
        _checked("S bf16", "missed_confident"),
        is_least=False,
    ),
    *(
        Goal(f"fast, S kept busy / B1, {what}", name, 1.25, _throughput("S fast", "B1"))
        for what, name in (("R50-FPN", "cpu-r50"), ("widths of R50-FPN, trained", "cpu-wide"))
    ),
    *(
        Goal(
            f"S1 beyond the handler's stages, less {text}",
            name,
            0.5,
            partial(figures.above, floor=floor),
            is_least=False,
            unit=" ms",
        )
        for floor, text in (("T", "T's whole"), ("T work", "T's beyond its work"))
        for name in ("cpu-coins", "cpu-r50")
    ),
    *(
        Goal("start to READY, S / N1", name, 0.8, figures.start_ratio, is_least=False)
        for name in ("cpu-coins", "cpu-r50")
    ),
    *(
        Goal(
            f"{precision}, S kept busy / {text}, R50-FPN",
            "gpu-r50",
            bound,
            _throughput(f"S {precision}", under.format(precision)),
        )
        for under, text, bound in (("B1", "B1", 6), ("B0 {}", "B0 of that precision", 0.85))
        for precision in ("fp16", "bf16")
    ),
)
"""As they were set before anything was measured; what can be read in two ways is there twice."""
