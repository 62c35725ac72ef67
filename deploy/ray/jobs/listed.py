"""An image of a job, as its list has it."""

from dataclasses import dataclass
from typing import TypeAlias

ImageId: TypeAlias = int | str


@dataclass(frozen=True)
class Listed:
    """An image that is to be asked about.

    Attributes:
        id: Of it alone in the job.
        path: Absolute, or a URL that fsspec opens.
        name: What the input calls it: the `file_name` of COCO files.
    """

    id: ImageId
    path: str
    name: str
