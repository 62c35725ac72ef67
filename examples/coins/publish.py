"""Takes a training over into the repository: its weights, its plots and the proof of them.

`python -m examples.coins.publish` writes `config.yaml`, `model_best.pth`, `loss.png`, `ap.png`,
`proof.json` and the block of numbers in `README.md`; nobody types a number.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from examples.coins.score import HERE, SCORE_THRESHOLD, Count, score_photograph, sentence
from examples.coins.train import RESULTS_FILE

ARTEFACTS = ("config.yaml", "model_best.pth", "loss.png", "ap.png")
PROOF_FILE = "proof.json"
START = "<!-- proof:start -->"
END = "<!-- proof:end -->"


def build_proof(count: Count, results: dict[str, Any]) -> dict[str, Any]:
    """Put together what was measured.

    Args:
        count: the count on the photograph.
        results: the `results.json` of the training.

    Returns:
        A dictionary for JSON; overlaps are rounded to three digits, AP is in percent.
    """
    return {
        "photograph": {
            "file": "skimage/data/coins.png",
            "score_threshold": SCORE_THRESHOLD,
            "hits": count.hits,
            "misses": count.misses,
            "false_alarms": count.false_alarms,
            "mask_iou_min": round(min(count.ious), 3),
            "mask_iou_mean": round(sum(count.ious) / len(count.ious), 3),
            "mask_ious": [round(iou, 3) for iou in count.ious],
            "sentence": sentence(count),
        },
        "training": results,
    }


def proof_text(proof: dict[str, Any]) -> str:
    """Return the lines of Markdown that say what was measured."""
    training, test = proof["training"], proof["training"]["test"]
    return "\n".join(
        [
            f"- The photograph: {proof['photograph']['sentence']}",
            f"- The drawn test scenes: AP {test['segm']['AP']:.1f} for masks "
            f"(AP50 {test['segm']['AP50']:.1f}) and {test['bbox']['AP']:.1f} for boxes, "
            "in percent, as COCO computes it.",
            f"- The training: {training['scenes']} scenes, {training['iterations']} iterations, "
            f"{training['minutes']} minutes from drawing to evaluation, with "
            f"`{training['command']}`.",
        ]
    )


def replace_block(text: str, block: str) -> str:
    """Return a text with what stands between the two markers replaced.

    Raises:
        ValueError: the text does not have each marker exactly once, in order.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"The text must contain {START} and then {END}, each once.")
    head, tail = text[: text.index(START)], text[text.index(END) :]
    return f"{head}{START}\n{block}\n{tail}"


def publish(output_dir: Path, folder: Path = HERE) -> dict[str, Any]:
    """Copy the artefacts of a training, measure them on the photograph and write the proof.

    Args:
        output_dir: the output of `examples.coins.train`.
        folder: where to write; it has a `README.md` with the two markers.

    Returns:
        The proof as written.

    Raises:
        FileNotFoundError: the training is not complete, or the photograph or its reference is
            missing.
        ValueError: `README.md` lacks its markers.
    """
    missing = [name for name in (*ARTEFACTS, RESULTS_FILE) if not (output_dir / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"The training in {output_dir} is not complete: {', '.join(missing)} is missing. "
            "Finish it with: python -m examples.coins.train --resume"
        )
    count = score_photograph(output_dir / "config.yaml", output_dir / "model_best.pth")
    proof = build_proof(count, json.loads((output_dir / RESULTS_FILE).read_text()))
    readme = folder / "README.md"
    readme.write_text(replace_block(readme.read_text(), proof_text(proof)))
    for name in ARTEFACTS:
        shutil.copyfile(output_dir / name, folder / name)
    (folder / PROOF_FILE).write_text(json.dumps(proof, indent=2) + "\n")
    return proof


def main(arguments: list[str] | None = None) -> None:
    """Publish from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.coins.publish",
        description="Take a finished training over into examples/coins, with its proof.",
        epilog="Example: python -m examples.coins.publish --output-dir examples/coins/output",
    )
    parser.add_argument("--output-dir", type=Path, default=HERE / "output")
    print(proof_text(publish(parser.parse_args(arguments).output_dir)))


if __name__ == "__main__":
    main()
