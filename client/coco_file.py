"""What every reader of COCO annotation files asks of them: JSON with lists, ids and names."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from client.classes import Category
from client.errors import ClientError
from client.wording import some

ImageId = int | str


class NotCoco(ClientError):
    """A file of another format."""


def read_document(path: Path, lists: Sequence[str]) -> dict[str, Any]:
    """Read a COCO file.

    Args:
        path: Of the file; UTF-8, with or without a byte order mark.
        lists: Keys that have to be there, with a list each.

    Raises:
        NotCoco: It is no such file.
        ClientError: It cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise NotCoco(f"{path} is not a COCO annotation file: it is no JSON ({error}).") from error
    *first, last = lists
    named = f"lists {', '.join(first)} and {last}" if first else f"list {last}"
    wanted = f"accepted is an object with the {named}"
    if isinstance(document, list):
        raise NotCoco(
            f"{path} is not a COCO annotation file: it is a list, as COCO results are; {wanted}."
        )
    keys = document if isinstance(document, dict) else {}
    missing = [name for name in lists if not isinstance(keys.get(name), list)]
    if missing:
        found = ", ".join(sorted(keys)) or type(document).__name__
        raise NotCoco(
            f"{path} is not a COCO annotation file: it has no list "
            f"{' and no list '.join(missing)} (it has {found}); {wanted}."
        )
    return dict(keys)


def read_categories(found: Sequence[Any], problems: list[str]) -> list[Category]:
    """The entries of `categories`; names may be there more than once.

    Args:
        found: As the file has them.
        problems: Gets a sentence for each thing that is wrong with them.
    """
    good = [
        Category(one["id"], one["name"])
        for one in found
        if isinstance(one, dict)
        and isinstance(one.get("id"), int)
        and isinstance(one.get("name"), str)
    ]
    if len(good) < len(found):
        problems.append(
            f"{len(found) - len(good)} of {len(found)} categories have no whole number as id, or "
            "no text as name."
        )
    check_unique("ids of categories", [category.id for category in good], problems)
    return good


def image_key(entry: Any) -> tuple[ImageId, str] | None:
    """Id and file name of an entry of `images`; None where it has none that are ones."""
    if not isinstance(entry, dict):
        return None
    id_, name = entry.get("id"), entry.get("file_name")
    return (id_, name) if isinstance(id_, int | str) and isinstance(name, str) and name else None


def check_image_keys(keys: Iterable[tuple[ImageId, str]], problems: list[str]) -> None:
    """Look for images that cannot be told apart.

    Args:
        keys: Ids and file names.
        problems: Gets a sentence for each thing that is wrong with them.
    """
    both = list(keys)
    ids = [id_ for id_, _ in both]
    names = [name for _, name in both]
    check_unique("ids of images", ids, problems)
    if len({type(id_) for id_ in ids}) > 1:
        problems.append("ids of images are texts in part, and numbers in part.")
    check_unique("names of images", names, problems)


def id_of(entry: Any, position: int) -> Any:
    """What sentences call an entry.

    Args:
        entry: Of one of the lists.
        position: In it, from 0.
    """
    return entry.get("id", f"number {position + 1}") if isinstance(entry, dict) else position + 1


def check_unique(what: str, values: Sequence[Any], problems: list[str]) -> None:
    """Look for what is there more than once, 1 and "1" included.

    Args:
        what: All of it, in the plural.
        values: Those.
        problems: Gets a sentence where there is some.
    """
    twice = [str(value) for value, count in Counter(map(str, values)).items() if count > 1]
    if twice:
        problems.append(f"{what} are there more than once: {some(twice)}.")
