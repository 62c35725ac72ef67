"""What a run adds up to, while it goes on."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from client.answers.record import Record
from client.answers.times import Times


class FoundClass(NamedTuple):
    """A class that was found.

    Attributes:
        id: Its position in the model's classes.
        name: Its name.
    """

    id: int
    name: str


class Trouble(NamedTuple):
    """Why something of an image or video is missing.

    Attributes:
        image: Its name in the run.
        type: Name of the error.
        message: The sentence.
    """

    image: str
    type: str
    message: str


@dataclass
class Totals:
    """Numbers of a run.

    Attributes:
        answered: How many images and frames have an answer.
        failed: How many have none.
        earlier: How many of both an earlier run has asked about.
        detections: How many of each class.
        times: How long answers took.
        troubles: What is missing besides answers: pictures, videos.
    """

    answered: int = 0
    failed: int = 0
    earlier: int = 0
    detections: Counter[FoundClass] = field(default_factory=Counter)
    times: Times = field(default_factory=Times)
    troubles: list[Trouble] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count a record."""
        self.earlier += record.earlier
        if record.document is None:
            self.failed += 1
            return
        self.answered += 1
        self.times.add(record)
        for one in record.document["predictions"]:
            self.detections[FoundClass(one["class_id"], one["class_name"])] += 1
