"""Command line of `python -m export`: arguments, exit codes, nothing else.

Exit codes: 0 done; 1 a problem of the input, in sentences; 2 usage; 130 interrupted.
"""

import argparse
import json
import logging
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from export.errors import ExportError
from handler.metadata import PRECISIONS

EPILOG = """\
example:
  python -m export --config-file output/config.yaml --weights output/model_final.pth \\
      --classes cat,dog --model-name pets --version 1.0

  writes model_store/pets.mar and model_store/pets.mar.sha256, after the finished archive has
  answered in a process of its own exactly as Detectron2 does. Serve it with
  python -m server --models pets=pets.mar

  python -m export inspect model_store/pets.mar
  python -m export inspect output/model_final.pth
  say what an archive holds and whether it is whole, and what weights are of, before a config for
  them is found; nothing of either is run.
"""

INSPECT_EPILOG = """\
examples:
  python -m export inspect model_store/pets.mar
    model_store/pets.mar: pets 1.0
      network    GeneralizedRCNN, answers with boxes, masks
      classes    cat, dog
      ...
      whole

  python -m export inspect output/model_final.pth
    output/model_final.pth: a checkpoint of a training, iteration 89999
      weights    307 tensors (307 float32), 44,029,660 numbers, file of 351.0 MB
      names      Detectron2's
      looks like GeneralizedRCNN, ResNet-50, a feature pyramid (FPN)
      heads      proposals, boxes, masks
      classes    2
      beside     iteration, optimizer, scheduler
      sha256     ...

exit codes: 0 as it should be; 1 an archive that was changed, or a file that is none of these;
2 usage.
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments; names follow Detectron2 (`--config-file`) and torch-model-archiver."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        allow_abbrev=False,
        description="Pack a trained Detectron2 model into one archive that TorchServe serves.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_model(parser.add_argument_group("the model"))
    _add_trust(parser.add_argument_group("what is trusted and tolerated"))
    _add_archive(parser.add_argument_group("the archive"))
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_model(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--config-file",
        required=True,
        metavar="CFG",
        help="text of cfg.dump(), a LazyConfig (.py or .yaml), or a model-zoo name",
    )
    add(
        "--weights",
        required=True,
        metavar="W",
        help=".pth, .pkl or .safetensors, or an address (detectron2://, https://)",
    )
    add(
        "--classes",
        metavar="NAMES|FILE",
        help="class names in the order of the class ids: comma-separated, a file with one a line, "
        "or a COCO annotations .json (default: those of the config's data set, if Detectron2 "
        "knows it)",
    )
    add("--stuff-classes", metavar="NAMES|FILE", help="the same for semantic segmentation")
    add(
        "--score-threshold",
        type=float,
        metavar="T",
        help="lowest score that is answered, 0 to 1 (default: what the config says)",
    )
    add(
        "--precision",
        choices=PRECISIONS,
        default="exact",
        help="exact: bit for bit what Detectron2 says; fast: float32, norms folded into "
        "convolutions, images resized by torch; bf16, fp16: for CPUs and GPUs that have them. "
        "The summary says what a faster one changes (default: %(default)s)",
    )
    add(
        *("--opts",),
        dest="overrides",
        nargs="+",
        default=(),
        metavar="KEY VALUE",
        help="change keys of the config, as Detectron2's tools do",
    )


def _add_trust(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--extra-modules",
        type=_paths,
        default=(),
        metavar="a.py,pkg/",
        help="code that registers parts of the network; travels in the archive",
    )
    add(
        "--allow-missing",
        action="append",
        default=[],
        metavar="PATTERN",
        help="weights that may be missing and keep their initial values, such as 'mask_head.*'",
    )
    add(
        "--allow-unexpected",
        action="append",
        default=[],
        metavar="PATTERN",
        help="weights that the network does not know and that are left behind",
    )
    add(
        "--trust-checkpoint",
        action="store_true",
        help="unpickle whatever the checkpoint asks for: runs code of whoever made it",
    )


def _add_archive(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--model-name", required=True, metavar="NAME", help="name to serve the model under")
    add("--version", required=True, metavar="V", help="version to serve it as, such as 1.0")
    add(
        *("--export-path", "--output"),
        type=Path,
        default=Path("model_store"),
        metavar="DIR",
        help="folder of the model store (default: %(default)s)",
    )
    add(
        "--model-config",
        type=Path,
        metavar="YAML",
        help="TorchServe's settings of the model (default: export/model-config.yaml)",
    )
    add(
        "--verify-image",
        dest="verify_images",
        type=Path,
        nargs="+",
        default=(),
        metavar="IMG",
        help="images to hold the archive against Detectron2 with (default: generated ones)",
    )
    add("--skip-verification", action="store_true", help="make the archive without that proof")
    add("-f", "--force", action="store_true", help="replace an archive of this name")


def _paths(argument: str) -> tuple[Path, ...]:
    return tuple(Path(part.strip()) for part in argument.split(",") if part.strip())


def build_inspect_parser() -> argparse.ArgumentParser:
    """The arguments of `python -m export inspect`."""
    parser = argparse.ArgumentParser(
        prog="python -m export inspect",
        description="Say what an archive holds and whether it is whole, or what weights are of: "
        "kind of file, network, number of classes. Nothing of either is run or unpickled.",
        epilog=INSPECT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="an archive (.mar) or weights (.pth, .pkl, .safetensors); the content says which",
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["inspect"]:
        arguments = build_inspect_parser().parse_args(words[1:])
        return _in_sentences(lambda: _inspect(arguments), debug=arguments.debug)
    arguments = build_parser().parse_args(words)
    return _in_sentences(lambda: _export(arguments), debug=arguments.debug)


def _in_sentences(command: Callable[[], int], *, debug: bool) -> int:
    # A supervisor's SIGTERM cleans up as Ctrl-C does. Shells start background jobs with SIGINT
    # ignored, and Python then leaves it so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return command()
    except ExportError as error:
        if debug:
            raise
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the model store is as it was.", file=sys.stderr)
        return 130
    except Exception as error:
        # Whatever we did not foresee: the person gets a sentence, and the way to more.
        if debug:
            raise
        first_line = str(error).partition("\n")[0][:300]
        print(
            f"Unforeseen {type(error).__name__}: {first_line}. The model store is as it was; "
            "--debug shows where it comes from, which is what a bug report needs.",
            file=sys.stderr,
        )
        return 1


def _export(arguments: argparse.Namespace) -> int:
    # Importing torch and Detectron2 takes seconds: --help and usage errors do not wait for them.
    # What torch deprecates of what Detectron2 uses, the person exporting cannot mend.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    from export.pipeline import export
    from export.request import ExportRequest
    from export.summary import as_json, describe

    logging.getLogger("torch.fx").setLevel(logging.ERROR)
    given = {k: v for k, v in vars(arguments).items() if k not in ("json", "debug")}
    for name in ("overrides", "allow_missing", "allow_unexpected", "verify_images"):
        given[name] = tuple(given[name])
    progress = sys.stderr if arguments.json else sys.stdout
    exported = export(
        ExportRequest(**given), report=lambda line: print(line, file=progress, flush=True)
    )
    for warning in exported.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    print(as_json(exported) if arguments.json else describe(exported))
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    from export.inspection import describe, inspect, is_archive

    if not is_archive(arguments.file):
        return _inspect_weights(arguments)
    found = inspect(arguments.file)
    _print(arguments, found.as_dict(), describe(found))
    return 0 if found.is_whole else 1


def _inspect_weights(arguments: argparse.Namespace) -> int:
    # Archives are looked into without torch, which takes seconds to import.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    from export.checkpoint_inspection import describe, inspect_checkpoint

    found = inspect_checkpoint(arguments.file)
    _print(arguments, found.as_dict(), describe(found))
    return 0


def _print(arguments: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    as_json = json.dumps(document, indent=2, ensure_ascii=False)
    print(as_json if arguments.json else text)
