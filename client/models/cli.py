"""Command line of `python -m client models`: exit codes, and what is printed.

Exit codes: 0 done; 1 not done, with a sentence; 2 usage; 3 the new version is the default and the
old one could not be unregistered yet; 4 not done, and what was begun could not be undone; 130
interrupted and undone.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from client.compare.conditions import ConditionError
from client.compare.images import annotated_images, bare_images
from client.connection import Connection, connect
from client.errors import ClientError
from client.inference import InferenceApi
from client.models import commands
from client.models.arguments import build_parser, refuse_contradictions
from client.models.checks import read_images
from client.models.errors import UndoFailed
from client.models.examination import Examination
from client.models.gates import Gates
from client.models.interrupts import Interrupts
from client.models.site import Site, Step
from client.models.store import ModelStore
from client.output import drop_unwritten, say
from client.progress import Progress

_STEPS = 9
_CHECK_IMAGES = 3
_LOOKING = ("list", "show")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        refuse_contradictions(arguments)
    except ConditionError as error:
        parser.error(str(error))
    progress = Progress(_STEPS)
    with Interrupts() as interrupts:

        def step(sentence: str) -> None:
            interrupts.raise_again()
            if not arguments.json:
                progress.step(sentence)

        try:
            try:
                result = _run(arguments, step, interrupts)
            finally:
                with interrupts.held():
                    progress.end()
        except ClientError as error:
            with interrupts.held():
                _say_failure(arguments, error, str(error))
            code = 4 if isinstance(error, UndoFailed) else 1
        except KeyboardInterrupt as error:
            with interrupts.held():
                _say_failure(arguments, error, "Interrupted; `list` says what is served now.")
            code = 130
        else:
            with interrupts.held():
                code = _say_result(arguments, result)
    drop_unwritten(sys.stdout, sys.stderr)
    return code


def _say_result(arguments: argparse.Namespace, result: commands.Result) -> int:
    """The exit code: of what was done, whether or not anybody could be told."""
    for warning in result.warnings:
        say(f"Warning: {warning}", sys.stderr)
    said = json.dumps(result.document, indent=2) if arguments.json else result.text
    problem = say(said, sys.stdout)
    if problem is not None and not isinstance(problem, BrokenPipeError):  # as `head` leaves it
        say(f"The result could not be written to standard output: {problem}.", sys.stderr)
    if problem is not None and arguments.command in _LOOKING:
        return 1  # saying it was all there was to do
    return 0 if result.complete else 3


def _say_failure(arguments: argparse.Namespace, error: BaseException, sentence: str) -> None:
    sentences = [sentence, *getattr(error, "__notes__", ())]
    if arguments.json:
        name = "Interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
        gate = getattr(error, "gate", None)
        say(json.dumps({"error": name, "gate": gate, "message": sentences}), sys.stdout)
    for one in sentences:
        say(one, sys.stderr)


def _run(arguments: argparse.Namespace, step: Step, interrupts: Interrupts) -> commands.Result:
    connection = connect(arguments)
    management = connection.management
    store = _store(arguments, connection)
    if arguments.command in _LOOKING:
        names = [arguments.model] if arguments.command == "show" else None
        return commands.show(management, store, names)
    if store is None:
        raise ClientError(
            "Which folder the server loads archives from is not known: --model-store names it, or "
            "--ts-config a config.properties that does."
        )
    site = Site(
        management,
        InferenceApi(connection.inference_url, connection.inference_key, arguments.timeout),
        store,
        logs=arguments.logs or arguments.key_folder / "logs",
        step=step,
        metrics=arguments.metrics or connection.properties.get("metrics_address"),
        interrupts=interrupts,
    )
    return commands.change(site, arguments, _gates(arguments, connection))


def _store(arguments: argparse.Namespace, connection: Connection) -> ModelStore | None:
    if arguments.model_store:
        return ModelStore(arguments.model_store)
    if "model_store" not in connection.properties:
        return None
    folder = arguments.key_folder / connection.properties["model_store"]
    if arguments.command in _LOOKING and not folder.is_dir():
        return None  # the server may be on another machine
    return ModelStore(folder)


def _gates(arguments: argparse.Namespace, connection: Connection) -> Gates:
    given = vars(arguments)
    examination = _examination(arguments, connection) if given.get("examined") else None
    paths = list(given.get("images", ()))
    if examination is not None:
        paths = paths or list(examination.images.files.values())[:_CHECK_IMAGES]
    names = ("min_agreement", "score", "max_slowdown", "rounds")
    seconds = {
        f"{name}_s": given[name]
        for name in ("load_timeout", "drain_timeout", "drain_quiet")
        if name in given
    }
    return Gates(
        images=read_images(paths),
        compare=not given.get("no_compare", False),
        examination=examination,
        **{name: given[name] for name in names if name in given},
        **seconds,
    )


def _examination(arguments: argparse.Namespace, connection: Connection) -> Examination:
    words, annotations = arguments.examined, arguments.annotations
    images = (
        bare_images(words, output=arguments.report)
        if annotations is None
        else annotated_images(annotations, Path(words[0]))
    )
    return Examination(connection, images, arguments.conditions, arguments.score, arguments.report)
