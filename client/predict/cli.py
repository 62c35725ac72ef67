"""Command line of `python -m client predict`: arguments, exit codes, nothing else.

Exit codes: 0 done; 1 done but for what failed, or not done, in sentences; 2 usage; 130 and 143
stopped by Ctrl-C and SIGTERM.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from client.argument_types import count_from, seconds
from client.connection import add_connection, connect
from client.errors import ClientError
from client.http import TIMEOUT_S
from client.option_arguments import add_options, options_of
from client.output import say
from client.patience import Patience
from client.predict.results import FAILURES
from client.predict.run import Outcome, Task, predict
from client.predict.summary import summary_text
from client.stopping import Stop, say_waiting
from client.writing import print_text

_FAILED = 1
_FAILURES_SHOWN = 10

EPILOG = """\
examples:
  python -m client predict cat.jpg dog.jpg --output out
      out/cat.jpg and out/dog.jpg with what was found drawn in, and the same as COCO results
  python -m client predict photographs --output out --model pets --score-threshold 0.5 --workers 8
      every image and video of a folder and its folders, eight requests at a time
  python -m client predict 'val/*.png' --output out --annotations instances_val.json
      COCO results with the ids of that file, as COCO's evaluators want them
  python -m client predict clip.mp4 --output out
      out/clip.mp4 with every frame annotated, and out/clip.frames.jsonl with the answers
  python -m client predict --input *.jpg --output out --confidence-threshold 0.5
      the arguments of Detectron2's demo.py

The folder of --output gets:
  NAME               the annotated picture or video, called as what was asked about; with folders
                     below the one that was named or that a quoted pattern begins with, or where
                     names clash
  coco_results.json  detections of all images, as pycocotools' loadRes reads them
  images.json        ids, names and sizes of the images, and the categories, as COCO has them
  failures.json      what has no answer or no picture, a sentence each
  summary.json       counts, times and detections by class
  answers.jsonl      every answer as it came, and what failed

A run that is stopped (Ctrl-C, SIGTERM, the server gone) loses nothing that was answered: the same
command goes on from answers.jsonl, asks about what is missing, has changed or failed by the
server's fault, and writes the rest. All answers are of one version of the model: the one that
answered first. --restart deletes them and begins again; where such a run is stopped, the command
without --restart goes on.
A server that is busy or restarts is asked again for --patience seconds before the run gives up.

exit codes: 0 done; 1 something failed, the rest is done; or not done, and why; 2 usage;
130 stopped by Ctrl-C, 143 by SIGTERM
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m client predict",
        description="Ask a served model about images and videos, draw and keep its answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="IMAGE|FOLDER|GLOB|VIDEO",
        help="what to ask about; in quotes a pattern may match more than a command line holds",
    )
    add("--input", nargs="+", default=[], metavar="PATH", help="the same, as demo.py calls it")
    add(
        "--video-input",
        action="append",
        default=[],
        metavar="VIDEO",
        help="a video, whatever it is called",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder of all that is written")
    add(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="COCO file with ids for the images whose paths end with its file_names, and for the "
        "categories (default: images are numbered from 1, categories are those that the model was "
        "trained on)",
    )
    add("--no-pictures", action="store_true", help="do not draw")
    add("--restart", action="store_true", help="delete the answers of an earlier run")
    add("--json", action="store_true", help="print the summary as JSON")
    _add_requests(parser)
    add_connection(parser, timeout_s=TIMEOUT_S)
    return parser


def _add_requests(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("requests").add_argument
    add("--model", metavar="NAME", help="of the served model (default: the only one)")
    add("--version", metavar="V", help="its version (default: the server's default one)")
    add_options(add)
    add(
        "--workers",
        type=count_from(1),
        default=Task.workers,
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    parser = build_parser()
    arguments = parser.parse_intermixed_args(argv)
    words = [*arguments.inputs, *arguments.input]
    if not (words or arguments.video_input):
        parser.error("name an image, a folder, a pattern or a video")
    task = Task(
        words=words,
        videos=arguments.video_input,
        output=arguments.output,
        annotations=arguments.annotations,
        model=arguments.model,
        version=arguments.version,
        options=options_of(arguments),
        workers=arguments.workers,
        pictures=not arguments.no_pictures,
        restart=arguments.restart,
        patience_s=arguments.patience,
    )
    with Stop(say_waiting) as stop:
        try:
            outcome = predict(
                connect(arguments), task, stopped=stop, note=lambda text: say(text, sys.stderr)
            )
        except ClientError as error:
            say(str(error), sys.stderr)
            return stop.exit_code or _FAILED
    if arguments.json:
        print(json.dumps(outcome.summary, indent=2))
    else:
        print_text(summary_text(outcome.summary))
    return _report_failures(outcome)


def _report_failures(outcome: Outcome) -> int:
    failures: int = outcome.summary["failures"]
    if not failures:
        return 0
    file = Path(outcome.summary["output"]) / FAILURES
    sentences = [f"{one['image']}: {one['message']}" for one in json.loads(file.read_text("utf-8"))]
    for sentence in sentences[:_FAILURES_SHOWN]:
        say(sentence, sys.stderr)
    if failures > _FAILURES_SHOWN:
        say(f"{failures - _FAILURES_SHOWN} more are in {file}.", sys.stderr)
    return _FAILED
