"""Numbers of docs/scale.md and docs/ray.md are those of the committed results."""

import json
import math
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BUSY = 0.7
A_DAY = (100_000, 1_000_000, 10_000_000)
ROWS = (
    ("cpu-coins", "S", "the coins model: R-CNN with masks on a small network, exact"),
    ("cpu-r50", "S", "Mask R-CNN R50-FPN, exact"),
    ("cpu-r50", "S fast", "Mask R-CNN R50-FPN, fast"),
    ("cpu-r50", "S bf16", "Mask R-CNN R50-FPN, bf16"),
)


def results(file: str) -> dict:
    return json.loads((ROOT / file).read_text())


def images_a_second_and_core(name: str, series: str) -> float:
    """Median over the rounds of a benchmark."""
    result = results(f"benchmarks/results/{name}.json")
    rounds = [one[series] for one in result["rounds"] if series in one]
    rates = [len(one["indices"]) / one["seconds"] for one in rounds]
    return statistics.median(rates) / result["environment"]["cores"]


def capacity_table() -> str:
    heads = "".join(f" {count:,} a day |" for count in A_DAY)
    lines = [f"| cores for |{heads} images a second of one |", "|---|" + "--:|" * (len(A_DAY) + 1)]
    for name, series, said in ROWS:
        rate = images_a_second_and_core(name, series)
        cores = (math.ceil(count / (86_400 * rate * MOST_BUSY)) for count in A_DAY)
        lines.append(" | ".join([f"| {said}", *map(str, cores), f"{rate:.2g} |"]))
    return "\n".join(lines)


def node_loss() -> str:
    found = results("deploy/ray/results/node-loss.json")
    return (
        f"In the last run a node of three went while {found['clients']} clients asked: of "
        f"{found['requests']} requests {found['without_answer']} had no answer, "
        f"{found['asked_again_by_a_gateway']} was asked again by a gateway, and all others were "
        f"answered, the slowest of those under way after "
        f"{found['longest_wait_of_those_under_way_s']:.0f} s."
    )


def scaling() -> str:
    found = results("deploy/ray/results/scaling.json")
    return (
        f"In the last run {found['clients']} clients kept asking while one replica became three, "
        f"which took {found['until_three_replicas_s']:.0f} s: {found['requests']} requests, "
        f"{found['lost'] or 'none'} lost. Three answered "
        f"{found['throughput_of_three_by_one']} times as many as one, on {found['cores']} cores."
    )


def equal_requests() -> str:
    found = results("deploy/ray/results/requests.json")
    return (
        f"Of the request tests of TorchServe, generated requests included, {found['equal']:,} "
        "answers were held against TorchServe's own: status, headers and every byte of the body "
        "are equal, but for times and ids."
    )


def written(text: str) -> str:
    """A document's text, however its lines are broken."""
    return re.sub(r"\s+", " ", text)


def test_the_capacity_sheet():
    text = (ROOT / "docs" / "scale.md").read_text()
    _, _, rest = text.partition("<!-- capacity: begin -->\n")
    table, _, _ = rest.partition("\n<!-- capacity: end -->")
    assert table.strip() == capacity_table()


@pytest.mark.parametrize("sentence", [node_loss, scaling, equal_requests])
def test_what_was_measured_on_ray(sentence):
    assert written(sentence()) in written((ROOT / "docs" / "ray.md").read_text())
