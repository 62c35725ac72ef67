"""Command line of `python -m torture`: arguments, progress, exit codes.

Exit codes: 0 every promise was kept; 1 one was not; 2 usage; 130 interrupted.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from torture.catalogue import FAULTS
from torture.errors import TortureError
from torture.report import SOAK, write_report, write_row
from torture.run import broken, run
from torture.soak.run import soak

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
ARCHIVE = Path("model_store") / "coins.mar"
_QUICK_RESULTS = Path("build") / "torture"

EPILOG = """\
examples:
  python -m torture --list
      the faults, and what each promises
  python -m torture
      all of them, about 25 minutes; writes torture/results/NAME.json and the table of
      docs/reliability.md
  python -m torture --only worker-killed disk-full
      some of them
  python -m torture --quick
      few requests each, two minutes, written to build/torture
  python -m torture soak --minutes 60
      an hour at 70 % of what the server can answer
  python -m torture report
      writes the tables of docs/reliability.md from the results

Every server has ports, folders and processes of its own. Ctrl-C stops them and leaves nothing.
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments of the faults."""
    parser = argparse.ArgumentParser(
        prog="python -m torture",
        allow_abbrev=False,
        description="Do to a server on purpose what happens to servers, and see what clients see.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", nargs="+", metavar="NAME", choices=[one.name for one in FAULTS], help="some")
    add("--list", action="store_true", help="say what there is, and do nothing")
    add("--quick", action="store_true", help="the short form")
    _add_files(parser)
    return parser


def build_soak_parser() -> argparse.ArgumentParser:
    """The arguments of `python -m torture soak`."""
    parser = argparse.ArgumentParser(
        prog="python -m torture soak",
        allow_abbrev=False,
        description="A long steady load of images of mixed sizes; does the worker grow?",
    )
    parser.add_argument(
        "--minutes", type=_positive, default=60.0, metavar="M", help="(default: 60)"
    )
    parser.add_argument(
        "--environment",
        nargs="+",
        type=_assignment,
        default=[],
        metavar="NAME=VALUE",
        help="of the server, such as MALLOC_ARENA_MAX=2",
    )
    _add_files(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # A supervisor's SIGTERM cleans up as Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if words[:1] == ["soak"]:
            return _soak(build_soak_parser().parse_args(words[1:]))
        if words[:1] == ["report"]:
            return _report(RESULTS)
        return _faults(build_parser().parse_args(words))
    except TortureError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; everything that was started is stopped.", file=sys.stderr)
        return 130


def _faults(arguments: argparse.Namespace) -> int:
    if arguments.list:
        for fault in FAULTS:
            print(f"{fault.name:<20}{fault.done}\n{'':<20}promise: {fault.promise}")
        return 0
    chosen = [
        fault
        for fault in FAULTS
        if (fault.name in arguments.only if arguments.only else fault.quick or not arguments.quick)
    ]
    results = arguments.results or (_QUICK_RESULTS if arguments.quick else RESULTS)
    problems = []
    _see(arguments.archive)
    rows = run(chosen, archive=arguments.archive, quick=arguments.quick, say=_say)
    with contextlib.closing(rows):
        for row in rows:
            write_row(results, row["name"], row)
            problems += [f"{row['name']}: {problem}" for problem in broken(row)]
    if not arguments.quick and results == RESULTS:
        _report(results)
    print("\n".join(problems) or "Every promise was kept.")
    return 1 if problems else 0


def _soak(arguments: argparse.Namespace) -> int:
    _see(arguments.archive)
    row = soak(
        archive=arguments.archive,
        seconds=60 * arguments.minutes,
        environment=dict(arguments.environment),
        say=_say,
    )
    results = arguments.results or RESULTS
    print(f"{write_row(results, SOAK, row)} is written.")
    if results == RESULTS:
        _report(results)
    print("\n".join(row["broken"]) or "Every promise was kept.")
    return 1 if row["broken"] else 0


def _report(results: Path) -> int:
    written = write_report(results, [fault.name for fault in FAULTS], DOCUMENT)
    print(f"{' and '.join(map(str, written))} are written.")
    return 0


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--archive", type=Path, default=ARCHIVE, metavar="FILE.mar")
    parser.add_argument("--results", type=Path, metavar="DIR", help="where results go")


def _see(archive: Path) -> None:
    if not archive.with_name(f"{archive.name}.sha256").is_file():
        raise TortureError(f"There is no {archive} with its .sha256: make {ARCHIVE}")


def _say(line: str) -> None:
    print(line if line.startswith(" ") else f"==> {line}", flush=True)


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError
    return name, value
