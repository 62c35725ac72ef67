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

    A picture that is there already is not drawn again, unless the image was asked about anew. No
    picture of an earlier answer stays beside a new one, or beside a failure.

    Args:
        asking: The run.
        inputs: Images.

    Raises:
        ClientError: The server stays away, or refuses what every image would be refused for.
        Stopped: The run was asked to stop.
    """

    def work(item: Input, ask: Ask) -> tuple[Record, Trouble | None] | None:
        source = file_source(Path(item.path), item.name)
        is_new = not asking.run.journal.has(source.name, source.fingerprint)
        if is_new:
            # Before there is another answer: a run may be killed between that and its picture.
            with contextlib.suppress(ClientError):  # said below, where it still matters
                asking.remove_earlier(asking.folder / item.output)
        record = ask(source)
        return None if record is None else (record, _draw(asking, item, record, is_new=is_new))

    with contextlib.closing(asking.each(inputs, work)) as found:
        for _, (record, trouble) in found:
            asking.count(record)
            if trouble is not None:
                asking.totals.troubles.append(trouble)


def _draw(asking: Asking, item: Input, record: Record, *, is_new: bool) -> Trouble | None:
    picture = asking.folder / item.output
    found = record.predictions
    try:
        if found is None or (is_new and not asking.pictures):
            asking.remove_earlier(picture)
        elif asking.pictures and (is_new or not picture.is_file()):
            draw_file(Path(item.path), found, picture)
    except ClientError as error:
        return Trouble(item.name, "NoPicture", str(error))
    return None
