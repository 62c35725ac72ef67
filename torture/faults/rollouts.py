"""New versions under load, one after another: `python -m torture.versions`."""

from torture import versions
from torture.fault import Finding, unmet
from torture.place import Place
from torture.served import ROOT


def many(place: Place) -> Finding:
    """Rollouts and rollbacks in turns, without a pause between them.

    How many requests that name a version were lost is told and not promised: the milliseconds
    between the last look at a version and its removal cannot be closed.
    """
    place.close()
    figures = versions.run(
        archive=place.archive,
        config=ROOT / "config.properties",
        work_dir=place.folder / "rollouts",
        changes=place.pick(2, 20),
    )
    by_name = figures["by_name"]
    answers = ", ".join(f"{count} x {what}" for what, count in by_name["answers"].items())
    return Finding(
        saw=f"{figures['requests'] - figures['lost']} x 200, each what the version that it names "
        f"says; the longest wait was {figures['latency_longest_s']:.1f} s. Who named a version now "
        f"and then, served or not: {answers}",
        returned=f"was never away; a change took {figures['change_median_s']:.1f} s in the median",
        lost=(
            f"{figures['lost'] or 'nothing'}; of those who named a version "
            f"{by_name['lost'] or 'nothing'}"
        ),
        figures=figures,
        broken=unmet(
            {
                "no request is lost": figures["lost"] == 0,
                "no answer is wrong": figures["wrong"] == by_name["wrong"] == 0,
                "every old version is drained": figures["undrained"] == 0,
                "the versions say different things": figures["versions_differ"],
            }
        ),
    )
