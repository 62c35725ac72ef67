"""What commands say of runs that were stopped, and of those that go on."""

from datetime import datetime

from client.answers.opening import Run
from client.wording import many


def same_command(*, restart: bool) -> str:
    """Which command goes on with a run.

    Args:
        restart: Whether the run was begun with --restart, which would delete its answers.
    """
    return "the same command, without --restart," if restart else "the same command"


def when(begun: str | None) -> str:
    """When a run was begun, in words; nothing where its journal does not say.

    Args:
        begun: In ISO 8601.
    """
    return "" if begun is None else f", begun {datetime.fromisoformat(begun):%Y-%m-%d %H:%M}"


def earlier_notes(run: Run, count: int) -> list[str]:
    """What a person should know of answers that were there before, in sentences.

    Args:
        run: Of the answers.
        count: How many of them an earlier run has brought.
    """
    if not count:
        return []
    are = "is" if count == 1 else "are"
    sentence = f"{many(count, 'answer')} {are} of an earlier run{when(run.journal.begun)}."
    return [sentence, *doubts(run, count)]


def doubts(run: Run, count: int) -> list[str]:
    """What is not known of answers that were there before, in sentences.

    Args:
        run: Of the answers.
        count: How many of them an earlier run has brought.
    """
    if not count or run.is_same_export:
        return []
    return [
        f"Whether {run.model} {run.version} was exported anew since the earlier run is not known, "
        "because the management API was not reached both times (--management names it)."
    ]
