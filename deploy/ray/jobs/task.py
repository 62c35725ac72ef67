"""What a person asks of a job."""

from dataclasses import dataclass, field

from client.question import Options


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        input: Folder, COCO file or table: a path, or a URL that fsspec opens.
        archive: Path or URL of the `.mar`.
        output: Folder or URL of everything that is written.
        images: What paths in the input are relative to; None is the folder that it is in.
        column: Of a table: has the paths.
        id_column: Of a table: has the ids; None numbers rows from 1.
        options: Of every image.
        batch: Most images of one forward pass; 1 answers bit for bit as Detectron2.
        pictures: Whether to draw.
        address: Of the Ray cluster; None starts one on this machine.
        workers: Fewest and most; None is as many as there is room for.
        cpus: CPUs that each reserves.
        gpus: GPUs that each reserves; None is one where there are any.
        images_per_part: Of a new job; None chooses.
        retry_failed: Whether to ask again about images that have no answer.
    """

    input: str
    archive: str
    output: str
    images: str | None = None
    column: str | None = None
    id_column: str | None = None
    options: Options = field(default_factory=Options)
    batch: int = 1
    pictures: bool = False
    address: str | None = None
    workers: tuple[int, int] | None = None
    cpus: float = 1.0
    gpus: float | None = None
    images_per_part: int | None = None
    retry_failed: bool = False
