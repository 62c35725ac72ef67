"""Command line of `python -m export`: arguments, exit codes, nothing else.

Exit codes: 0 done; 1 a problem of the input, in sentences; 2 usage; 130 interrupted.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from export.errors import ExportError

EPILOG = """\
example:
  python -m export --config-file output/config.yaml --weights output/model_final.pth \\
      --classes cat,dog --model-name pets --version 1.0

  writes model_store/pets.mar; serve it with
  torchserve --start --ncs --ts-config config.properties --models pets=pets.mar
"""


def build_parser() -> argparse.ArgumentParser:
    """The arguments; names follow Detectron2 (`--config-file`) and torch-model-archiver."""
    parser = argparse.ArgumentParser(
        prog="python -m export",
        description="Pack a trained Detectron2 model into one archive that TorchServe serves.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--config-file", type=Path, required=True, metavar="CFG", help="text of cfg.dump()")
    add("--weights", type=Path, required=True, metavar="W", help="checkpoint of the training")
    add("--model-name", required=True, metavar="NAME", help="name to serve the model under")
    add("--version", required=True, metavar="V", help="version to serve it as, such as 1.0")
    add(
        "--classes",
        metavar="NAMES|FILE",
        help="class names in the order of the class ids: comma-separated, or a file with one a "
        "line (default: class_0, class_1, ...)",
    )
    add(
        "--score-threshold",
        type=float,
        metavar="T",
        help="lowest score that is answered, 0 to 1 (default: what the config says)",
    )
    add(
        *("--export-path", "--output"),
        type=Path,
        default=Path("model_store"),
        metavar="DIR",
        help="folder of the model store (default: %(default)s)",
    )
    add("-f", "--force", action="store_true", help="replace an archive of this name")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    arguments = vars(build_parser().parse_args(argv))
    debug = arguments.pop("debug")
    # Importing torch and Detectron2 takes seconds: --help and usage errors do not wait for them.
    # torch.jit.script, which Detectron2 uses, is deprecated; the person exporting cannot mend it.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
    from export.pipeline import ExportRequest, export

    try:
        export(ExportRequest(**arguments), report=lambda line: print(line, flush=True))
    except ExportError as error:
        if debug:
            raise
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the model store is as it was.", file=sys.stderr)
        return 130
    return 0
