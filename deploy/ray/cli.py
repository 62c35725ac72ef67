"""Command line of `python -m deploy.ray`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from client.argument_types import count_from
from client.models.errors import ArchiveRefused
from deploy.ray.argument_types import cpus, process_range, share_of_gpus
from deploy.ray.serve_config import Listening, Shape, as_yaml, make_config
from deploy.ray.set_default import ClusterError, set_default

_EXAMPLES = """\
examples:
  python -m deploy.ray config /models --replicas 1:4 -o serve.yaml
  python -m deploy.ray config s3://bucket/models --default coins=1.0 --num-gpus 0.5 -o serve.yaml
  serve deploy serve.yaml                            # Ray's own command
  python -m deploy.ray default coins 2.0             # moves the default version, restarts nothing
  python -m deploy.ray predict /data/photographs --archive coins.mar --output /data/found

docs/ray.md begins with a cluster on one machine, docs/ray-jobs.md is about predict.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 done; 1 a problem of the user's, in a sentence; `predict` has more.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["predict"]:
        from deploy.ray.jobs.cli import main as predict  # the others need no Ray here

        return predict(given[1:])
    arguments = _parser().parse_args(given)
    try:
        if arguments.command == "config":
            _config(arguments)
        else:
            before = set_default(arguments.dashboard, arguments.model, arguments.version)
            print(
                f"The default version of {arguments.model} moves from {before} to "
                f"{arguments.version}, once that has answered."
            )
    except (ArchiveRefused, ClusterError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{arguments.output} cannot be written: {error}.", file=sys.stderr)
        return 1
    return 0


def _config(arguments: argparse.Namespace) -> None:
    config = make_config(
        arguments.store,
        defaults=dict(arguments.default),
        shape=Shape(
            replicas=arguments.replicas,
            cpus=arguments.num_cpus,
            gpus=arguments.num_gpus,
            gateways=arguments.gateways,
        ),
        listening=Listening(arguments.host, arguments.port, arguments.key_file),
    )
    text = as_yaml(config, arguments.store)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.ray",
        description="The archives of a model store on a Ray cluster.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_config(commands.add_parser("config", help="write a Serve config for a store's archives"))
    commands.add_parser("predict", help="take images of any number through a model, once")
    default = commands.add_parser("default", help="move the default version of a model")
    default.add_argument("model", metavar="MODEL")
    default.add_argument("version", metavar="VERSION")
    default.add_argument(
        "--dashboard",
        default="http://127.0.0.1:8265",
        metavar="URL",
        help="of the cluster, where Serve's REST API is (%(default)s)",
    )
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "store", metavar="STORE", help="a folder that every node has, or a URL as of s3://"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="instead of standard output"
    )
    parser.add_argument(
        "--default",
        type=_default,
        action="append",
        default=[],
        metavar="MODEL=VERSION",
        help="which version requests without one get; needed of models that have several",
    )
    parser.add_argument(
        "--replicas",
        type=process_range,
        metavar="N|MIN:MAX",
        help="processes of each version; otherwise minWorkers and maxWorkers of the archive",
    )
    parser.add_argument("--num-cpus", type=cpus, default=1, help="cores of each (%(default)s)")
    parser.add_argument(
        "--num-gpus",
        type=share_of_gpus,
        default=0,
        help="GPUs of each, or a share of one (%(default)s)",
    )
    parser.add_argument(
        "--gateways",
        type=count_from(1),
        default=2,
        help="processes that take requests; one a node is best (%(default)s)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (%(default)s)")
    parser.add_argument(
        "--port", type=count_from(1), default=8000, help="of every node (%(default)s)"
    )
    parser.add_argument(
        "--key-file",
        type=os.path.abspath,  # for processes that run elsewhere
        metavar="FILE",
        help="file of every node with the key of requests; without one none is needed",
    )


def _default(text: str) -> tuple[str, str]:
    model, _, version = text.partition("=")
    if not (model and version):
        raise argparse.ArgumentTypeError(f'"{text}"; MODEL=VERSION is accepted, as coins=1.0')
    return model, version
