"""Photographs a page for the docs.

python -m tests.client.report.picture judged/report.html docs/evaluation.jpg --height 1700
"""

import argparse
import tempfile
from pathlib import Path

import cv2

from tests.client.report.browser import Browser

_QUALITY = 82


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.client.report.picture")
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1700)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder)) as browser:
        browser.resize(arguments.width, arguments.height)
        browser.open(arguments.page.resolve())
        browser.until(
            lambda: browser.run(
                "[...document.images].every((one) => one.complete || "
                "one.getBoundingClientRect().top > innerHeight)"
            )
        )
        shot = Path(folder) / "page.png"
        browser.screenshot(shot)
        picture = cv2.imread(str(shot))
    cv2.imwrite(str(arguments.picture), picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


if __name__ == "__main__":
    main()
