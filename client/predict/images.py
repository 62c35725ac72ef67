"""Ask about images and draw the answers."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from client.answers.files import file_source
from client.answers.record import Record
from client.errors import ClientError
from client.inputs.naming import Input
from client.predict.asking import Ask, Asking
from client.predict.pictures import draw_file
from client.predict.totals import Trouble


def ask_about_images(asking: Asking, inputs: Sequence[Input]) -> None:
    """Ask about images; the journal has the answers then, and the folder the pictures.

    A picture that is there already is not drawn again, unless the image was asked about anew.

    Args:
        asking: The run.
        inputs: Images.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
        Stopped: The run was asked to stop.
    """

    def work(item: Input, ask: Ask) -> tuple[Record, Trouble | None] | None:
        record = ask(file_source(Path(item.path), item.name))
        if record is None:
            return None
        return record, _draw(asking, item, record) if asking.pictures else None

    with contextlib.closing(asking.each(inputs, work)) as found:
        for _, (record, trouble) in found:
            asking.count(record)
            if trouble is not None:
                asking.totals.troubles.append(trouble)


def _draw(asking: Asking, item: Input, record: Record) -> Trouble | None:
    picture = asking.folder / item.output
    found = record.predictions
    if found is None or (record.earlier and picture.is_file()):
        return None
    try:
        draw_file(Path(item.path), found, picture)
    except ClientError as error:
        return Trouble(item.name, "NoPicture", str(error))
    return None
