"""The arguments of `python -m client models`."""

import argparse
from pathlib import Path

from client.argument_types import count_from, seconds, share, timeout
from client.compare.conditions import (
    Condition,
    ConditionError,
    parse_condition,
    require_annotations,
)
from client.connection import add_connection
from client.counterparts import SAME_OBJECT
from client.models.gates import Gates

_ANSWER_TIMEOUT_S = 60.0

EPILOG = """\
examples:
  python -m client models list
      what is served, by how many workers, and what a restart would serve
  python -m client models rollout build/pets.mar --image cat.jpg dog.jpg
      check build/pets.mar, load it beside the version that serves, hold its answers and its speed
      against that version's, make it the default, and remove the old one when it has answered
      everything; where something is wrong, everything stays as it was
  python -m client models rollout build/pets.mar --images val --annotations val.json \\
      --fail-if "ap_drop>0.01"
      the same, and it is refused as well where AP falls by more than a point
  python -m client models rollback pets
      the version before, at once

The server takes new versions only where its model API is on: python -m server --model-api.
Run this on the server's machine, in the folder where the server was started: it reads the
addresses from config.properties and the keys from key_file.json there, and puts archives into the
model store.
Who asks /predictions/NAME is never left without an answer; who asks /predictions/NAME/VERSION asks
for a version that goes. docs/versions.md says what happens when, and what a restart serves.

exit codes: 0 done; 1 not done, what was begun is undone; 2 usage; 3 the new version is the default,
the old one is still registered; 4 not done, and going back failed as well: `list` says what is
served; 130 interrupted, what was begun is undone
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m client models",
        description="Change versions of served models without losing a request.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help_text: str) -> argparse.ArgumentParser:
        one = found.add_parser(
            name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}."
        )
        add_connection(one, timeout_s=_ANSWER_TIMEOUT_S)
        one.add_argument(
            "--model-store", type=Path, metavar="DIR", help="default: the one of --ts-config"
        )
        one.add_argument(
            "--logs",
            type=Path,
            metavar="DIR",
            help="the server's logs (default: logs/ of --key-folder)",
        )
        one.add_argument(
            "--metrics",
            metavar="URL",
            help="its metrics address, which tells who asks for a version by its name (default: of "
            "--ts-config)",
        )
        one.add_argument("--json", action="store_true", help="print the result as JSON")
        return one

    command("list", "all models with their versions, and what a restart would serve")
    command("show", "all versions of one model").add_argument("model", metavar="NAME")
    register = command(
        "register", "serve one more version; it becomes the default of a new model alone"
    )
    register.add_argument("archive", type=Path, metavar="FILE.mar")
    _add_loading(register)
    scale = command("scale", "give a version another number of workers")
    scale.add_argument("model", metavar="NAME")
    scale.add_argument("--version", metavar="V", help="default: the default one")
    scale.add_argument("--workers", type=count_from(1), required=True, metavar="N")
    scale.add_argument(
        "--force",
        action="store_true",
        help="take workers away from a version that has requests: those in work are lost (500)",
    )
    _add_loading_timeout(scale)
    default = command("set-default", "send requests that name no version to this one")
    default.add_argument("model", metavar="NAME")
    default.add_argument("version", metavar="V")
    unregister = command("unregister", "remove a version when it has answered everything")
    unregister.add_argument("model", metavar="NAME")
    unregister.add_argument("version", metavar="V")
    unregister.add_argument("--force", action="store_true", help="at once: what it is at is lost")
    _add_draining(unregister)
    rollout = command("rollout", "put a new version in the place of the default one, if it is good")
    rollout.add_argument("archive", type=Path, metavar="FILE.mar")
    _add_loading(rollout)
    _add_draining(rollout)
    _add_images(rollout)
    _add_gates(rollout)
    _add_examination(rollout)
    rollback = command("rollback", "put the version before in the place of the default one")
    rollback.add_argument("model", metavar="NAME")
    rollback.add_argument("--to", metavar="V", help="another version that the model store keeps")
    _add_images(rollback)
    _add_loading_timeout(rollback)
    _add_draining(rollback)
    return parser


def _add_loading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=count_from(1),
        metavar="N",
        help="at least so many (default: what its model-config.yaml says, and as many as the "
        "version that it replaces has)",
    )
    _add_loading_timeout(parser)


def _add_loading_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--load-timeout",
        type=timeout,
        default=Gates.load_timeout_s,
        metavar="S",
        help="longest wait while workers load a model, in seconds (default: %(default)g)",
    )


def _add_draining(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drain-timeout",
        type=timeout,
        default=Gates.drain_timeout_s,
        metavar="S",
        help="longest wait while a version answers what it has, in seconds (default: %(default)g)",
    )
    parser.add_argument(
        "--drain-quiet",
        type=seconds,
        default=Gates.drain_quiet_s,
        metavar="S",
        help="a version goes when for so many seconds nobody has asked for it by its name "
        "(default: %(default)g)",
    )


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image",
        dest="images",
        type=Path,
        nargs="+",
        default=(),
        metavar="IMG",
        help="what the new version is asked about before anybody else asks it (default: three "
        "drawn images, on which a model may find nothing, and then a rollout is refused)",
    )


def _add_gates(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what the new version has to pass").add_argument
    add(
        "--min-agreement",
        type=share,
        default=Gates.min_agreement,
        metavar="A",
        help="least share of detections that both versions find, of the same class and with "
        f"boxes, masks and keypoints that are alike by {SAME_OBJECT:g} or more (IoU, OKS); 0 to 1 "
        "(default: %(default)g)",
    )
    add(
        "--score",
        type=share,
        default=Gates.score,
        metavar="T",
        help="detections with a lower score do not count there; 0 to 1 (default: %(default)g)",
    )
    add(
        "--max-slowdown",
        type=_times,
        default=Gates.max_slowdown,
        metavar="X",
        help="most times as long as the old version that it may take; inf is any "
        "(default: %(default)g)",
    )
    add(
        "--rounds",
        type=count_from(1),
        default=Gates.rounds,
        metavar="N",
        help="how often each image is timed (default: %(default)d)",
    )
    add(
        "--no-compare",
        action="store_true",
        help="for a model that was trained for something else: no agreement, no timing",
    )


def _add_examination(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("on images of your own, as `python -m client compare` does it")
    add.add_argument(
        "--images",
        dest="examined",
        nargs="+",
        default=(),
        metavar="DIR|IMAGE",
        help="both versions are asked about these as well; with --annotations the folder of its "
        "file_names. Without --image the first three are the check images",
    )
    add.add_argument(
        "--annotations", type=Path, metavar="FILE", help="a COCO file of them, for AP of both"
    )
    add.add_argument(
        "--fail-if",
        dest="conditions",
        action="append",
        type=_condition,
        default=[],
        metavar="CONDITION",
        help="refused where it is so, such as 'ap_drop>0.01'; may be repeated. docs/comparison.md "
        "has all names",
    )
    add.add_argument(
        "--report", type=Path, metavar="DIR", help="keep the comparison there, as report.html"
    )


def refuse_contradictions(arguments: argparse.Namespace) -> None:
    """Refuse arguments of a rollout that do without each other.

    Args:
        arguments: Of any command.

    Raises:
        ConditionError: What is missing.
    """
    given = vars(arguments)
    words = given.get("examined", ())
    for name, option in (
        ("conditions", "--fail-if"),
        ("annotations", "--annotations"),
        ("report", "--report"),
    ):
        if given.get(name) and not words:
            raise ConditionError(f"{option} is about --images, which are not given")
    if given.get("annotations") is None:
        require_annotations(given.get("conditions", ()))
    elif len(words) != 1:
        raise ConditionError("with --annotations, --images is the one folder of its file_names")


def _condition(text: str) -> Condition:
    try:
        return parse_condition(text)
    except ConditionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _times(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"is {text}, accepted are numbers above 0, and inf")
    return value
