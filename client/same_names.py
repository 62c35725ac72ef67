"""Categories that the annotations call by one name, told apart by their ids."""

from collections.abc import Iterable, Set

from client.classes import Category
from client.wording import some


def told_apart(categories: Iterable[Category], used: Set[int]) -> tuple[list[Category], list[str]]:
    """Give every category a name of its own.

    Of several that share a name, one has objects as a rule: it keeps the name. Where several have,
    the name says no more which one is meant, and `Category.shared_name` has it.

    Args:
        categories: As the annotations have them.
        used: Ids of those that have objects.

    Returns:
        The categories in their order, and what to know of them, in sentences.
    """
    by_name: dict[str, list[Category]] = {}
    for one in categories:
        by_name.setdefault(one.name, []).append(one)
    notes = []
    renamed: dict[int, Category] = {}
    for name, sharing in by_name.items():
        if len(sharing) == 1:
            continue
        meant = [one for one in sharing if one.id in used] or sharing[:1]
        for one in sharing:
            if len(meant) > 1 or one not in meant:
                shared = name if one in meant else None
                renamed[one.id] = Category(one.id, f"{name} (id {one.id})", shared)
        others = [renamed[one.id].name for one in sharing if one.id in renamed]
        notes.append(
            f"{len(sharing)} categories of the annotations are called {name}; told apart here as "
            f"{some(others)}."
        )
    return [renamed.get(one.id, one) for one in categories], notes
