"""Command line of `python -m client evaluate`: arguments, exit codes, nothing else."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from client.answers.sentences import same_command
from client.argument_types import count_from, overlap_limit, seconds, share, sigmas
from client.classes import HOWS
from client.connection import add_connection, connect
from client.errors import ClientError
from client.evaluate.command import GALLERY, Request, evaluate
from client.evaluate.judging import Settings
from client.evaluate.matches import MAX_DETECTIONS
from client.http import TIMEOUT_S
from client.output import say
from client.patience import Patience
from client.question import Options
from client.stopping import Stop, say_waiting

_LEAST_MAX_DETECTIONS = 10

EPILOG = """\
example:
  python -m client evaluate --model pets --annotations val.json --images val/ --output judged/

  asks the served model about every image of val.json, and writes into judged/
    report.html        tables, curves, confusion matrix and the worst images, in one file
    report.json        the same as numbers
    coco_results.json  every detection, as pycocotools' loadRes reads it
    answers.jsonl      the answers: the same command goes on where it was stopped, and judges them
                       again with another --iou or --score without asking

  AP is that of Detectron2's COCOEvaluator. docs/evaluation.md says how to read it all.

exit codes: 0 done; 1 a problem, or images that could not be judged (the report is there, without
them); 2 usage; 130 Ctrl-C, 143 SIGTERM: what was answered is kept
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m client evaluate",
        description="Judge a served model on images with COCO annotations.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--annotations", type=Path, required=True, metavar="FILE", help="a COCO file")
    add("--images", type=Path, required=True, metavar="DIR", help="where its file_names are")
    add("--output", type=Path, required=True, metavar="DIR", help="where the report goes")
    add("--model", metavar="NAME", help="default: the only one that is served")
    add("--version", metavar="V", help="default: the server's default version")
    _add_judging(parser)
    _add_asking(parser)
    add_connection(parser, timeout_s=TIMEOUT_S)
    return parser


def _add_judging(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it is judged").add_argument
    add(
        "--iou",
        type=overlap_limit,
        default=Settings.iou,
        metavar="X",
        help="least overlap of a detection and its object in curves and confusion matrix "
        "(default: %(default)g)",
    )
    add(
        "--score",
        type=share,
        default=Settings.score,
        metavar="X",
        help="least score in the confusion matrix and the pictures (default: %(default)g)",
    )
    add(
        "--pair-by",
        choices=("boxes", "masks"),
        default=Settings.pair_by,
        help="what overlaps there, and for the best score thresholds (default: %(default)s)",
    )
    add(
        "--max-dets-per-image",
        type=count_from(_LEAST_MAX_DETECTIONS),
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
    add = parser.add_argument_group("how it is asked").add_argument
    add("--tile", type=count_from(1), metavar="PX", help="cut large images into tiles of that side")
    add("--overlap", type=share, metavar="O", help="share of a tile that its neighbour has too")
    add(
        "--workers",
        type=count_from(1),
        default=Request.workers,
        metavar="N",
        help="requests at a time; more than the server's workers and batch size only wait "
        "(default: %(default)d)",
    )
    add(
        "--patience",
        type=seconds,
        default=Patience.total_s,
        metavar="S",
        help="how long to repeat what a busy or restarting server does not answer "
        "(default: %(default)g)",
    )
    add("--allow-missing", action="store_true", help="judge the images that are there")
    add("--restart", action="store_true", help="delete the answers of an earlier run")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    arguments = build_parser().parse_args(argv)
    request = Request(
        annotations=arguments.annotations,
        images=arguments.images,
        output=arguments.output,
        model=arguments.model,
        version=arguments.version,
        settings=Settings(
            iou=arguments.iou,
            score=arguments.score,
            pair_by=arguments.pair_by,
            max_detections=arguments.max_dets_per_image,
            keypoint_sigmas=arguments.keypoint_sigmas,
        ),
        classes_by=arguments.classes_by,
        gallery=arguments.gallery,
        options=Options(tile=arguments.tile, overlap=arguments.overlap),
        workers=arguments.workers,
        patience=Patience(arguments.patience),
        allow_missing=arguments.allow_missing,
        restart=arguments.restart,
    )
    with Stop(say_waiting) as stop:
        try:
            is_complete = evaluate(connect(arguments), request, stopped=stop)
        except ClientError as error:
            say(str(error), sys.stderr)
            return stop.exit_code or 1
    if is_complete is None:
        command = same_command(restart=request.restart)
        say(f"Stopped. {command.capitalize()} goes on from here.", sys.stderr)
        return stop.exit_code
    return 0 if is_complete else 1
