"""The command line of the training."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import torch

from examples.coins import recipe

DEFAULT_OUTPUT = Path("examples/coins/output")
EPILOG = """\
examples:
  python -m examples.coins.train
      the committed model, in 10 to 20 minutes on two cores
  python -m examples.coins.train --iterations 100 --scenes 200 --output-dir build/coins
      a quick look at the whole course
  python -m examples.coins.train --resume
      go on after an interruption
"""


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong values end the program with a sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.coins.train",
        description="Train a small Mask R-CNN to find coins, on scenes that it draws itself.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--output-dir", type=Path, default=DEFAULT_OUTPUT, help="default: %(default)s")
    add("--resume", action="store_true", help="go on from the last checkpoint of the output")
    add("--iterations", type=int, default=recipe.ITERATIONS, help="default: %(default)s")
    add("--scenes", type=int, default=recipe.SCENES, help="scenes to draw (default: %(default)s)")
    add("--seed", type=int, default=recipe.SEED, help="seed of everything (default: %(default)s)")
    add("--num-gpus", type=int, default=0, help="0 trains on the processor (default)")
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    for name, lowest in (("iterations", 1), ("scenes", 10), ("seed", 0), ("num_gpus", 0)):
        value = getattr(options, name)
        if value < lowest:
            parser.error(f"--{name.replace('_', '-')} must be at least {lowest}, not {value}")
    if options.num_gpus > torch.cuda.device_count():
        parser.error(
            f"--num-gpus {options.num_gpus} was asked for, but this machine has "
            f"{torch.cuda.device_count()} usable GPUs"
        )
    if options.num_gpus and recipe.IMAGES_PER_BATCH % options.num_gpus:
        parser.error(
            f"--num-gpus must divide a batch of {recipe.IMAGES_PER_BATCH} pictures; "
            f"{options.num_gpus} does not"
        )


def command_line(options: argparse.Namespace, *extra: str) -> str:
    """Return the command that repeats these options, without those left at their default."""
    words = ["python", "-m", "examples.coins.train"]
    defaults = vars(parse_options([]))
    for name, value in vars(options).items():
        if name != "resume" and value != defaults[name]:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, *extra])
