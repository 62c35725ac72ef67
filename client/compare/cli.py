"""Command line of `python -m client compare`: arguments, exit codes, what is printed."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from client.answers.sentences import same_command
from client.argument_types import count_from, overlap_limit, seconds, share, sigmas
from client.classes import HOWS
from client.compare.bootstrap import RESAMPLES
from client.compare.command import GALLERY, Outcome, compare
from client.compare.conditions import (
    QUANTITIES,
    Condition,
    ConditionError,
    parse_condition,
    refuse_missing,
)
from client.compare.images import Images, annotated_images, bare_images
from client.compare.running import Request
from client.compare.terminal import summary
from client.connection import add_connection, connect
from client.errors import ClientError
from client.evaluate.judging import Settings
from client.evaluate.matches import MAX_DETECTIONS
from client.evaluate.steps import Steps
from client.http import TIMEOUT_S
from client.output import say
from client.patience import Patience
from client.progress import ImageProgress
from client.question import Options
from client.stopping import Stop, say_waiting
from client.writing import print_text

_PROBLEM = 1
_USAGE = 2
_FAILS = 3
_SHOWN_FAILURES = 20
_LEAST_RESAMPLES = 100
_STEPS = 7
_NAMES = textwrap.fill(", ".join(QUANTITIES), width=78, initial_indent="  ", subsequent_indent="  ")

EPILOG = f"""\
examples:
  python -m client compare --model pets --version 1.0 --version 2.0 \\
      --images photographs --output compared
      both versions are asked about every image of a folder, in turns; compared/report.html shows
      how far they agree, how fast they are, and the images on which they differ most
  python -m client compare --model pets --version 1.0 --version 2.0 \\
      --images val --annotations val.json --output compared \\
      --fail-if "ap_drop>0.01" --fail-if "slowdown>1.2"
      AP of both as well; exit code 3 where one of these is so

The first --version is the old one, the second the new one. compared/ gets
  report.html        the page, in one file
  report.json        the same as numbers
  answers.old.jsonl  the old version's answers; answers.new.jsonl the new one's: the same command
                     goes on where it was stopped, and compares them again without asking

--fail-if takes NAME OPERATOR NUMBER, with >, >=, < or <=. AP is from 0 to 1 there, so 0.01 is one
point of the table. Names:
{_NAMES}
docs/comparison.md says what each is, and how to read it all.

exit codes: 0 done; 1 a problem, or images that were left out (the report is there, without them);
2 usage, a condition on something that is not there included; 3 a condition of --fail-if is so;
130 Ctrl-C, 143 SIGTERM: what was answered is kept
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m client compare",
        description="Compare two served versions of a model on the same images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--version",
        dest="versions",
        action="append",
        required=True,
        metavar="V",
        help="twice: the old one, then the new one",
    )
    add(
        "--images",
        nargs="+",
        required=True,
        metavar="DIR|IMAGE",
        help="files, folders and patterns; with --annotations the folder of its file_names",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    add("--model", metavar="NAME", help="default: the only one that is served")
    add("--annotations", type=Path, metavar="FILE", help="a COCO file: AP is compared as well")
    add(
        "--fail-if",
        dest="conditions",
        action="append",
        default=[],
        type=_condition,
        metavar="CONDITION",
        help="exit code 3 where it is so, such as 'ap_drop>0.01'; may be repeated",
    )
    _add_comparing(parser)
    _add_asking(parser)
    add_connection(parser, timeout_s=TIMEOUT_S)
    return parser


def _add_comparing(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it is compared").add_argument
    add(
        "--score",
        type=share,
        default=Settings.score,
        metavar="X",
        help="least score of a detection that counts; its counterpart may have less "
        "(default: %(default)g)",
    )
    add(
        "--iou",
        type=overlap_limit,
        default=Settings.iou,
        metavar="X",
        help="least overlap of the same object, of boxes, masks and keypoints (default: "
        "%(default)g)",
    )
    add(
        "--resamples",
        type=count_from(_LEAST_RESAMPLES),
        default=RESAMPLES,
        metavar="N",
        help="of the images, for intervals (default: %(default)d)",
    )
    add(
        "--max-dets-per-image",
        type=count_from(10),
        default=MAX_DETECTIONS,
        metavar="N",
        help="of a class in AP of boxes and masks, as COCOEvaluator's (default: %(default)d)",
    )
    add(
        "--keypoint-sigmas",
        type=sigmas,
        metavar="S,S,...",
        help="one for each keypoint, as TEST.KEYPOINT_OKS_SIGMAS (default: COCO's 17 of a person)",
    )
    add(
        "--classes-by",
        choices=HOWS,
        help="how the category of a class is found (default: by dataset ids where the model knows "
        "them, else by names, else by the order of category ids)",
    )
    add(
        "--gallery",
        type=count_from(0),
        default=GALLERY,
        metavar="N",
        help="pictures in the report, each of some 50 kB (default: %(default)d)",
    )


def _add_asking(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how they are asked").add_argument
    add("--tile", type=count_from(1), metavar="PX", help="cut large images into tiles of that side")
    add("--overlap", type=share, metavar="O", help="share of a tile that its neighbour has too")
    add(
        "--workers",
        type=count_from(1),
        default=Request.workers,
        metavar="N",
        help="images at a time; with more than one, requests wait for one another, and times are "
        "those of a busy server (default: %(default)d)",
    )
    add(
        "--patience",
        type=seconds,
        default=Patience.total_s,
        metavar="S",
        help="how long to repeat what a busy or restarting server does not answer "
        "(default: %(default)g)",
    )
    add("--allow-missing", action="store_true", help="compare on the images that are there")
    add("--restart", action="store_true", help="delete the answers of an earlier run")


def _condition(text: str) -> Condition:
    try:
        return parse_condition(text)
    except ConditionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if len(arguments.versions) != 2:
        parser.error(
            f"--version is there {len(arguments.versions)} times: name the old version, then the "
            "new one"
        )
    if arguments.annotations and len(arguments.images) != 1:
        parser.error("with --annotations, --images is the one folder of its file_names")
    with Stop(say_waiting) as stop:
        try:
            outcome = _compare(arguments, stop)
        except ConditionError as error:
            say(str(error), sys.stderr)
            return stop.exit_code or _USAGE
        except ClientError as error:
            say(str(error), sys.stderr)
            return stop.exit_code or _PROBLEM
    if outcome is None:
        command = same_command(restart=arguments.restart)
        say(f"Stopped. {command.capitalize()} goes on from here.", sys.stderr)
        return stop.exit_code
    _print(outcome, arguments.output)
    try:
        refuse_missing(outcome.verdicts)
    except ConditionError as error:
        say(str(error), sys.stderr)
        return _USAGE
    if outcome.failing:
        return _FAILS
    return 0 if outcome.is_complete else _PROBLEM


def _compare(arguments: argparse.Namespace, stop: Stop) -> Outcome | None:
    request = _request(arguments)
    bar = ImageProgress(len(request.images.files))
    try:
        with Steps(_STEPS, stopped=stop) as step:
            return compare(
                connect(arguments),
                request,
                arguments.conditions,
                progress=lambda asked: bar.step(fresh=not asked.is_earlier),
                step=step,
                stopped=stop,
            )
    finally:
        bar.end()


def _request(arguments: argparse.Namespace) -> Request:
    old, new = arguments.versions
    return Request(
        images=_images(arguments),
        versions=(old, new),
        folder=arguments.output,
        model=arguments.model,
        settings=Settings(
            iou=arguments.iou,
            score=arguments.score,
            max_detections=arguments.max_dets_per_image,
            keypoint_sigmas=arguments.keypoint_sigmas,
        ),
        classes_by=arguments.classes_by,
        resamples=arguments.resamples,
        shown=arguments.gallery,
        options=Options(tile=arguments.tile, overlap=arguments.overlap),
        workers=arguments.workers,
        patience=Patience(arguments.patience),
        restart=arguments.restart,
    )


def _images(arguments: argparse.Namespace) -> Images:
    if arguments.annotations is None:
        return bare_images(arguments.images, output=arguments.output)
    return annotated_images(
        arguments.annotations,
        Path(arguments.images[0]),
        allow_missing=arguments.allow_missing,
    )


def _print(outcome: Outcome, folder: Path) -> None:
    print_text(f"{summary(outcome.document)}\n\nMore, with pictures: {folder / 'report.html'}")
    for note in outcome.document["warnings"]:
        say(f"Note: {note}", sys.stderr)
    failures = outcome.document["failures"]
    if failures:
        say("Left out of all numbers, as not both versions answered:", sys.stderr)
        for one in failures[:_SHOWN_FAILURES]:
            version = "" if one["version"] is None else f" ({one['version']} version)"
            say(f"  {one['image']}{version}: {one['message']}", sys.stderr)
        if len(failures) > _SHOWN_FAILURES:
            say("  and more, in report.json", sys.stderr)
