"""Command line of `python -m deploy.ray predict`: arguments, exit codes, nothing else.

Exit codes: 0 done; 1 done but for images without an answer, or not done, in sentences; 2 usage;
130 and 143 stopped by Ctrl-C and SIGTERM.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence

from client.argument_types import count_from
from client.errors import ClientError
from client.option_arguments import add_options, options_of
from client.stopping import Stop
from client.writing import print_text
from deploy.ray.argument_types import cpus, process_range, share_of_gpus
from deploy.ray.jobs.job import predict
from deploy.ray.jobs.parts import UNREADABLE
from deploy.ray.jobs.summary import summary_text
from deploy.ray.jobs.task import Task

_FAILED = 1

EPILOG = """\
examples:
  python -m deploy.ray predict /data/photographs --archive model_store/coins.mar --output /data/out
      every image of a folder and its folders, on this machine alone
  python -m deploy.ray predict instances_val.json --images /data/val \\
      --archive /data/models/coins.mar --output /data/out --address auto --workers 2:16
      the images of a COCO file with their ids, on 2 to 16 workers of a Ray cluster
  python -m deploy.ray predict s3://bucket/table.parquet --column url --id-column id \\
      --archive s3://bucket/coins.mar --output s3://bucket/out --address auto --num-gpus 0.5
      the images that a table names, two workers on each GPU

The folder of --output gets:
  results/           Parquet: a row an image, with its instances
  unreadable/        Parquet: a row for each image without an answer, and why
  coco_results.json  detections of all images, as pycocotools' loadRes reads them
  images.json        ids, names and sizes of the images, and the categories, as COCO has them
  summary.json       counts, speed, memory and detections by class
  pictures/          with --pictures
  run.json, inputs/  what it is of, and the list of its images, which a later run goes on with

A run that is stopped (Ctrl-C, SIGTERM, kill, a lost machine) loses the parts that were under way:
the same command goes on with what is missing, and asks about nothing twice that is done.

exit codes: 0 done; 1 some images have no answer, the rest is done; or not done, and why; 2 usage;
130 stopped by Ctrl-C, 143 by SIGTERM
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.ray predict",
        description="Take images of any number through a model, on all nodes of a Ray cluster.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("input", metavar="INPUT", help="a folder, a COCO file, or a Parquet table of paths")
    add("--archive", required=True, metavar="MAR", help="path or URL of the model's archive")
    add("--output", required=True, metavar="DIR", help="folder or URL of everything written")
    add(
        "--images",
        metavar="DIR",
        help="folder or URL that paths in INPUT are relative to (default: the one INPUT is in)",
    )
    add("--column", metavar="NAME", help="column of a table that has the paths")
    add("--id-column", metavar="NAME", help="column that has ids (default: rows from 1)")
    add("--pictures", action="store_true", help="draw what was found, a JPEG each")
    add(
        "--retry-failed",
        action="store_true",
        help="ask again about images that have no answer",
    )
    add("--json", action="store_true", help="print the summary as JSON")
    _add_options(parser)
    _add_cluster(parser)
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("of every image").add_argument
    add_options(add)
    add(
        "--batch",
        type=count_from(1),
        default=Task.batch,
        metavar="N",
        help="most images of one forward pass; with 1 answers equal Detectron2's bit for bit "
        "(default: %(default)d)",
    )


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("cluster").add_argument
    add(
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster, or auto for the one that this machine is a node of (default: "
        "RAY_ADDRESS, else Ray is started here and stopped at the end)",
    )
    add(
        "--workers",
        type=process_range,
        metavar="N|MIN:MAX",
        help="how many load the model (default: as many as there is room for)",
    )
    add(
        "--num-gpus",
        type=share_of_gpus,
        metavar="G",
        help="GPUs of a worker, 0.5 for two on one (default: 1 where there are any, else 0)",
    )
    add(
        "--num-cpus",
        type=cpus,
        default=Task.cpus,
        metavar="C",
        help="CPUs of a worker, which is how many threads it computes with (default: %(default)g)",
    )
    add(
        "--images-per-part",
        type=count_from(1),
        metavar="N",
        help="what a worker takes at a time, and a file of results has (default: up to 256)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    given = build_parser().parse_args(argv)
    task = Task(
        input=given.input,
        archive=given.archive,
        output=given.output,
        images=given.images,
        column=given.column,
        id_column=given.id_column,
        options=options_of(given),
        batch=given.batch,
        pictures=given.pictures,
        address=given.address,
        workers=given.workers,
        cpus=given.num_cpus,
        gpus=given.num_gpus,
        images_per_part=given.images_per_part,
        retry_failed=given.retry_failed,
    )
    with Stop(_say_stopping) as stop:
        try:
            # What Ray prints of its workers is none of what the command answers with.
            with contextlib.redirect_stdout(sys.stderr):
                summary = predict(task, stopped=stop)
        except ClientError as error:
            print(error, file=sys.stderr)
            return stop.exit_code or _FAILED
    print_text(json.dumps(summary, indent=2) if given.json else summary_text(summary))
    if not summary["failures"]:
        return 0
    again = summary["may_pass"]
    print(
        f"Images without an answer are in {summary['output']}/{UNREADABLE}"
        + (f"; --retry-failed asks again, {again:,} of them may pass." if again else "."),
        file=sys.stderr,
    )
    return _FAILED


def _say_stopping() -> None:
    # Not through sys.stderr: a signal may come in the middle of a line of the progress bar.
    with contextlib.suppress(OSError):  # closed, or nobody reads it any more
        os.write(2, b"\nStopping; the parts under way are given up.\n")
