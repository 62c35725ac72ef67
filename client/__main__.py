"""`python -m client`: what a caller does from the command line."""

import argparse
import importlib
import sys
from collections.abc import Sequence

_COMMANDS = {
    "evaluate": ("client.evaluate.cli", "judge a served model on images with COCO annotations"),
    "models": ("client.models.cli", "change versions of served models without losing a request"),
    "predict": ("client.predict.cli", "ask about images and videos, draw and keep the answers"),
    "ready": ("client.ready", "whether predictions really work, as an exit code"),
}

EPILOG = """\
examples:
  python -m client models list
  python -m client models rollout build/pets.mar --image cat.jpg dog.jpg
  python -m client predict photographs --output out
  python -m client ready --model pets

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
    # Imported when it is needed: a health check does not wait for numpy.
    return int(importlib.import_module(_COMMANDS[command][0]).main(words[1:]))


if __name__ == "__main__":
    sys.exit(main())
