"""`python -m client`: what a caller does from the command line."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from client.output import drop_unwritten

_PACKAGES = {
    "cv2": "opencv-python",
    "numpy": "numpy",
    "pycocotools": "pycocotools",
    "requests": "requests",
    "urllib3": "requests",
}
"""All that the commands need beside Python, by what they import."""

_COMMANDS = {
    "compare": ("client.compare.cli", "hold two served versions of a model against each other"),
    "evaluate": ("client.evaluate.cli", "judge a served model on images with COCO annotations"),
    "models": ("client.models.cli", "change versions of served models without losing a request"),
    "predict": ("client.predict.cli", "ask about images and videos, draw and keep the answers"),
    "ready": ("client.ready", "whether predictions really work, as an exit code"),
}

EPILOG = """\
examples:
  python -m client ready --model pets
  python -m client predict photographs --output out
  python -m client evaluate --annotations val.json --images val --output judged
  python -m client compare --version 1.0 --version 2.0 --images val --output compared
  python -m client models list
  python -m client models rollout build/pets.mar --image cat.jpg dog.jpg

  python -m client COMMAND --help teaches each.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Its exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="python -m client",
        description="Talk to a running server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, help_text) in _COMMANDS.items():
        commands.add_parser(name, help=help_text, add_help=False)
    command = parser.parse_args(words[:1]).command
    try:
        # Imported when it is needed: a health check does not wait for numpy.
        code = int(importlib.import_module(_COMMANDS[command][0]).main(words[1:]))
        if sys.stdout is not None:  # as Python has it where the descriptor was closed
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _PACKAGES:
            raise
        print(_without(missing), file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads has gone, as `head` does
        return 1
    finally:
        drop_unwritten(sys.stdout, sys.stderr)
    return code


def _without(missing: str) -> str:
    return (
        f"{sys.executable} has no package {_PACKAGES[missing]}, which this command needs. "
        "`make setup` makes .venv with all that is needed, and `. .venv/bin/activate` lets "
        "`python` mean the one in there; another Python needs "
        f"`pip install {' '.join(sorted(set(_PACKAGES.values())))}`."
    )


if __name__ == "__main__":
    sys.exit(main())
