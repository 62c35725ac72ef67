"""Draws the scenes, trains the demo model on them and says how to export it.

Run `python -m examples.coins.train`; every flag has a default that gives the committed weights.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
import time
from pathlib import Path

from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode
from detectron2.engine import launch
from detectron2.utils import comm
from detectron2.utils.env import seed_all_rng
from detectron2.utils.logger import setup_logger

from examples.coins import dataset, plots, recipe
from examples.coins.hooks import WeightsOnlyCheckpointer
from examples.coins.options import command_line, parse_options
from examples.coins.trainer import BEST, METRICS_FILE, CoinsTrainer

CLASSES_FILE = Path("examples/coins/classes.txt")
RESULTS_FILE = "results.json"
DATA_FOLDER = "data"
INTERRUPTED = 130  # the shell's exit status of a command ended by Ctrl-C: 128 + SIGINT


def prepare_data(options: argparse.Namespace) -> None:
    """Draw, split and register the scenes; the main process draws, the others wait for it."""
    folder = options.output_dir / DATA_FOLDER
    if comm.is_main_process():
        coco_json = dataset.write_scenes(folder, options.scenes, options.seed)
        dataset.split_scenes(coco_json, options.seed)
    comm.synchronize()
    dataset.register({part: folder / f"{part}.json" for part in dataset.FRACTIONS})


def start_afresh(output_dir: Path) -> None:
    """Remove what an earlier training in the same folder would mix into this one."""
    stale = (METRICS_FILE, RESULTS_FILE, "last_checkpoint", f"{DATA_FOLDER}/{dataset.SCENES_FILE}")
    for name in stale:
        (output_dir / name).unlink(missing_ok=True)
    for checkpoint in output_dir.glob("model_*.pth"):
        checkpoint.unlink()


def run(options: argparse.Namespace) -> None:
    """Train and evaluate in one process; Detectron2 starts it once for each GPU."""
    started = time.monotonic()
    output_dir: Path = options.output_dir
    output_dir.mkdir(parents=True, exist_ok=True)
    for name in ("detectron2", "fvcore"):
        setup_logger(
            str(output_dir), comm.get_rank(), name=name, configure_stdout=not sys.stderr.isatty()
        )
    if not options.resume and comm.is_main_process():
        start_afresh(output_dir)
    prepare_data(options)
    device = "cuda" if options.num_gpus else "cpu"
    cfg = recipe.build_config(output_dir, options.iterations, options.seed, device)
    seed_all_rng(cfg.SEED + comm.get_rank())
    trainer = CoinsTrainer(cfg)
    trainer.resume_or_load(resume=options.resume)
    trainer.train()
    precision = evaluate_best_weights(cfg, trainer)
    if comm.is_main_process():
        minutes = (time.monotonic() - started) / 60
        write_results(options, cfg, trainer, precision, minutes)


def evaluate_best_weights(cfg: CfgNode, trainer: CoinsTrainer) -> dict[str, dict[str, float]]:
    """Load the best weights and measure AP on the test scenes.

    Where no evaluation gave a number (a training of very few iterations), the last weights are
    the best there are.

    Returns:
        COCO's metrics by task, in percent; empty in processes other than the main one.
    """
    best = Path(cfg.OUTPUT_DIR) / f"{BEST}.pth"
    if comm.is_main_process() and not best.is_file():
        WeightsOnlyCheckpointer(trainer.model, cfg.OUTPUT_DIR).save(BEST)
    comm.synchronize()
    DetectionCheckpointer(trainer.model).load(str(best))
    test_cfg = cfg.clone()
    test_cfg.defrost()
    test_cfg.DATASETS.TEST = ("coins_test",)
    metrics = CoinsTrainer.test(test_cfg, trainer.model)
    return {task: dict(values) for task, values in metrics.items()}


def write_results(
    options: argparse.Namespace,
    cfg: CfgNode,
    trainer: CoinsTrainer,
    precision: dict[str, dict[str, float]],
    minutes: float,
) -> None:
    """Write `config.yaml`, `results.json` and the plots, and print what was reached."""
    output_dir: Path = options.output_dir
    (output_dir / "config.yaml").write_text(recipe.served_config(cfg).dump())
    plots.draw_plots(output_dir / METRICS_FILE, output_dir)
    finite = {
        task: {name: value for name, value in values.items() if math.isfinite(value)}
        for task, values in precision.items()
    }
    results = {
        "command": command_line(options),
        "minutes": round(minutes, 1),
        "resumed": options.resume,
        "iterations": min(trainer.iter, trainer.max_iter),
        "scenes": options.scenes,
        "test": finite,
    }
    (output_dir / RESULTS_FILE).write_text(json.dumps(results, indent=2) + "\n")
    masks = precision["segm"]["AP"]
    print(f"AP of the best weights on the test scenes: {masks:.1f} for masks.")
    print("Export the model with:")
    print(export_command(output_dir))


def export_command(output_dir: Path) -> str:
    """Return the command that packs the trained model for the server."""
    return (
        f"python -m export --config-file {shlex.quote(str(output_dir / 'config.yaml'))} "
        f"--weights {shlex.quote(str(output_dir / f'{BEST}.pth'))} "
        f"--classes {CLASSES_FILE} --model-name coins --version 1.0"
    )


def main(arguments: list[str] | None = None) -> int:
    """Train from the command line and return the exit status."""
    options = parse_options(arguments)
    try:
        launch(run, options.num_gpus, dist_url="auto", args=(options,))
    except KeyboardInterrupt:
        print(
            f"\nTraining was interrupted; go on with: {command_line(options, '--resume')}",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
