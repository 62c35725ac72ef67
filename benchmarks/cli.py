"""Command line of `python -m benchmarks`: arguments, progress, exit codes.

Exit codes: 0 measured; 1 could not, or an answer was wrong; 2 usage; 130 interrupted.
"""

import argparse
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.options import ARMS, MODELS, Options, options_for

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"

_ARM_LIST = "\n".join(f"  {name:<6}{text}" for name, text in ARMS.items())

EPILOG = f"""\
arms:
{_ARM_LIST}

  All have the same weights and threads and take turns, round after round, forwards and backwards.
  What counts is the ratio of two arms in each round: its median, and a bootstrap interval over the
  rounds. B1 runs twice in every round; the ratio of the two says what the method cannot tell apart.
  Every answer of every arm is held against DefaultPredictor while it is measured.

examples:
  python -m benchmarks --quick --model coins
      a few requests to see that everything works; the numbers say nothing
  python -m benchmarks
      all three models on the CPU, about 30 minutes on two cores that nobody else uses;
      writes benchmarks/results/cpu-coins.json, cpu-r50.json and cpu-wide.json
  python -m benchmarks --gpu
      the same on a GPU, images as large as in Detectron2's model zoo
  python -m benchmarks --model wide --precision exact bf16
      S, and S besides with an archive that was exported with --precision bf16
  python -m benchmarks report benchmarks/results/*.json
      writes the tables of docs/performance.md and docs/performance.png

Ctrl-C stops everything that was started; a model that was finished before keeps its result.
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        allow_abbrev=False,
        description="Measure how fast archives are served, against Detectron2 itself.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", choices=MODELS, help="one of them (default: all three)")
    add(
        *("--arms",),
        nargs="+",
        choices=tuple(ARMS),
        metavar="ARM",
        help="some of the arms below (default: those that say something about the model); "
        "B1 is always there",
    )
    add(
        *("--precision",),
        dest="precisions",
        nargs="+",
        metavar="P",
        help="of S, as the export takes it (default: exact for coins; for the others fast and bf16 "
        "besides, on a GPU fp16 and bf16)",
    )
    add("--rounds", type=_positive, metavar="N", help="how often the arms take turns (default: 5)")
    add("--requests", type=_positive, metavar="N", help="images of an arm in a round")
    add("--workers", type=_positive, metavar="N", help="of S, N1, N2 (default: cores; on a GPU 4)")
    add("--threads", type=_positive, metavar="N", help="of torch in all (default: cores)")
    add("--gpu", action="store_true", help="run the models on a GPU, images in full size")
    add("--quick", action="store_true", help="as little as shows that everything works")
    add("--output", type=Path, metavar="FILE.json", help="of one --model (default: see below)")
    return parser


def build_report_parser() -> argparse.ArgumentParser:
    """The arguments of `python -m benchmarks report`."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks report",
        description="Write the tables of docs/performance.md, and docs/performance.png.",
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    parser.add_argument(
        "--document", type=Path, default=DOCUMENT, metavar="FILE.md", help="(default: %(default)s)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["report"]:
        return _report(build_report_parser().parse_args(words[1:]))
    parser = build_parser()
    arguments = parser.parse_args(words)
    if arguments.output is not None and arguments.model is None:
        parser.error("--output takes the result of one model: give --model as well")
    # A supervisor's SIGTERM cleans up as Ctrl-C does.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    return _benchmark(arguments)


def _benchmark(arguments: argparse.Namespace) -> int:
    from benchmarks.errors import BenchmarkError

    models = [arguments.model] if arguments.model else MODELS
    clean = True
    for model in models:
        options = options_for(
            model,
            gpu=arguments.gpu,
            quick=arguments.quick,
            arms=arguments.arms,
            precisions=arguments.precisions,
            rounds=arguments.rounds,
            requests=arguments.requests,
            workers=arguments.workers,
            threads=arguments.threads,
        )
        try:
            clean &= _measure(options, arguments.output or _usual_output(options, arguments.quick))
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("Interrupted; everything that was started is stopped.", file=sys.stderr)
            return 130
    return 0 if clean else 1


def _measure(options: Options, output: Path) -> bool:
    """Measure one model; whether every answer was what its arm promises."""
    _quiet()
    # Importing torch and Detectron2 takes seconds: --help does not wait for them.
    from benchmarks.report import failures, summary
    from benchmarks.run import run

    result = run(options, lambda line: print(f"==> {line}", flush=True))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, separators=(",", ":")) + "\n", encoding="utf-8")
    print(summary(result))
    print(f"{output} is written.")
    return not failures(result)


def _usual_output(options: Options, quick: bool) -> Path:
    device = "cpu" if options.device == "cpu" else "gpu"
    folder = Path("build") / "benchmarks" if quick else RESULTS
    return folder / f"{device}-{options.model}.json"


def _report(arguments: argparse.Namespace) -> int:
    from benchmarks.errors import BenchmarkError
    from benchmarks.report import write_report

    try:
        written = write_report(arguments.results, arguments.document)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{' and '.join(map(str, written))} are written.")
    return 0


def _positive(argument: str) -> int:
    number = int(argument)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is given, 1 or more is accepted")
    return number


def _quiet() -> None:
    """Detectron2 logs every parameter it loads, torch what Detectron2 calls in its old ways."""
    os.environ["PYTHONWARNINGS"] = "ignore"  # of the processes that are started as well
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
