"""Class names: given in a list or a file, checked against the config."""

from pathlib import Path

from export.errors import ExportError


def read_classes(argument: str | None, *, count: int, count_key: str) -> tuple[str, ...]:
    """Read the class names in the order of the model's class ids.

    Args:
        argument: Names with commas between them, or a text file with one name a line, or None for
            `class_0`, `class_1`, ...
        count: How many classes the model predicts.
        count_key: The config key that says so.

    Raises:
        ExportError: Unreadable, or not `count` names, or a name twice.
    """
    if argument is None:
        return tuple(f"class_{index}" for index in range(count))
    path = Path(argument)
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else argument.replace(",", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"--classes {argument} cannot be read: {error}.") from error
    names = tuple(name for line in text.splitlines() if (name := line.strip()))
    problems = []
    if len(names) != count:
        problems.append(
            f"--classes {argument} gives {len(names)} names, {count_key} of the config is {count}."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"--classes {argument} gives a name twice: {', '.join(twice)}.")
    if problems:
        raise ExportError(*problems)
    return names
