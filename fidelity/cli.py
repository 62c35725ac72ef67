"""Command line of `python -m fidelity`: arguments, progress, exit codes.

Exit codes: 0 every row is exact (`batches`: sound); 1 one is not; 2 usage; 130 interrupted.
"""

import argparse
import logging
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

EPILOG = """\
what happens to each config:
  Its network gets seeded random weights under which it finds some dozens of objects. Config and
  weights are exported as yours would be, the archive is opened in a process of its own, and four
  photographs are sent to it. Every number of the network, and every number of the answer, is
  compared with what Detectron2 itself gives: bit for bit.

examples:
  python -m fidelity zoo --only retinanet
      the configs with "retinanet" in their names; the document stays as it is
  python -m fidelity zoo
      all that have no row yet for this code and these packages, then docs/fidelity.md
  python -m fidelity zoo --fresh
      all of them once more: an hour on two cores
  python -m fidelity batches
      what batches of 2 and 8 images change, config by config

Each row is kept in fidelity/results/ as soon as it is there: Ctrl-C loses the config at hand and no
other, and the next run goes on. Rows of other code, packages or threads are never mixed in.
"""

_HERE = Path(__file__).parent
DOCUMENT = _HERE.parent / "docs" / "fidelity.md"
RESULTS = _HERE / "results"


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m fidelity",
        description="Hold archives against Detectron2 on its whole model zoo.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in (
        ("zoo", "every config of the zoo, four photographs one by one"),
        ("batches", "some configs, eight images in batches of 2 and 8"),
    ):
        command = commands.add_parser(
            name,
            help=help_text,
            description=f"Run {help_text}.",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument(
            "--only",
            nargs="+",
            default=(),
            metavar="PART",
            help="configs with one of these in their names; docs/fidelity.md is not written",
        )
        command.add_argument(
            "--fresh", action="store_true", help="run configs again that have a row already"
        )
        command.add_argument(
            "--list", action="store_true", help="say which would be run, and run none"
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    # A supervisor's SIGTERM cleans up as Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # Importing torch and Detectron2 takes seconds: --help does not wait for them.
    _quiet()
    from fidelity.runs import CodeChanged, batches_run, zoo_run

    make_run = {"zoo": zoo_run, "batches": batches_run}[arguments.command]
    run = make_run(arguments.only, folder=RESULTS)
    if arguments.list:
        print("\n".join(f"{name}\t{state}" for name, state in run.listed(fresh=arguments.fresh)))
        return 0
    try:
        bad = run.go(fresh=arguments.fresh)
        if not arguments.only:
            run.write(DOCUMENT)
            print(f"{DOCUMENT.relative_to(_HERE.parent)} is written.")
    except CodeChanged as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; finished rows are kept, the same command goes on.", file=sys.stderr)
        return 130
    for name, reason in bad:
        print(f"{name}: {reason}", file=sys.stderr)
    return 1 if bad else 0


def _quiet() -> None:
    """Detectron2 logs every parameter it loads, torch what Detectron2 calls in its old ways."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
