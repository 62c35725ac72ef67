"""Parts of one image -> those that show one object. Pure functions.

The pair that matches best is joined first, by what the parts agree on and by the lower of their
scores; what is joined may go on to join with others, so an object over many tiles becomes one.
Two parts that one tile tells apart are never joined, nor are two wholes that do not match,
whatever lies between them: they are two objects.

What a tile cuts off of an object it may take for several. Those that were not joined are left out
where another tile shows all of that place, and one object in it.

Tiles that share no pixel have nothing to compare, and of what lies across them nothing is joined.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from handler.tiling.agreement import agreement, lies_within, shared_zone
from handler.tiling.parts import Part
from handler.tiling.tiles import Tile


def same_objects(parts: Sequence[Part]) -> list[list[Part]]:
    """Put the parts that show one object together.

    Args:
        parts: Of all tiles; their order does not matter.

    Returns:
        One group for each object, all of one class and of different tiles, the best score first;
        groups by the best score in them.
    """
    parts = sorted(parts, key=lambda one: (-one.score, one.tile, one.class_id, *one.box_xyxy))
    matches = sorted(_matches(parts))
    partners: defaultdict[int, set[int]] = defaultdict(set)
    for _, one, other in matches:
        partners[one].add(other)
        partners[other].add(one)
    return [
        [parts[index] for index in group]
        for group in _joined(parts, matches, partners)
        if not _is_left_over(group, parts, partners)
    ]


def _matches(parts: Sequence[Part]) -> Iterator[tuple[float, int, int]]:
    """The pairs that match: how well, the better the lower, and the two indices, in order."""
    of_tile: defaultdict[Tile, list[int]] = defaultdict(list)
    for index, part in enumerate(parts):
        of_tile[part.tile].append(index)
    boxes_xyxy = np.array([part.box_xyxy for part in parts])
    class_ids = np.array([part.class_id for part in parts])
    for tile, other_tile in itertools.combinations(of_tile, 2):
        zone_xyxy = shared_zone(tile, other_tile)
        if zone_xyxy is None:
            continue
        # What does not even meet as boxes is left out all at once.
        rows, columns = np.ix_(of_tile[tile], of_tile[other_tile])
        low = np.maximum(boxes_xyxy[rows, :2], boxes_xyxy[columns, :2]).clip(min=zone_xyxy[:2])
        high = np.minimum(boxes_xyxy[rows, 2:], boxes_xyxy[columns, 2:]).clip(max=zone_xyxy[2:])
        meet = (low < high).all(axis=-1) & (class_ids[rows] == class_ids[columns])
        for row, column in np.argwhere(meet).tolist():
            better, worse = sorted((of_tile[tile][row], of_tile[other_tile][column]))
            agreed = agreement(parts[better], parts[worse], zone_xyxy)
            if agreed is not None:
                yield -agreed * float(parts[worse].score), better, worse


def _joined(
    parts: Sequence[Part],
    matches: Sequence[tuple[float, int, int]],
    partners: Mapping[int, set[int]],
) -> list[list[int]]:
    """Indices of the parts of each object, ascending."""

    def may_be_one(one: int, other: int) -> bool:
        if parts[one].tile == parts[other].tile:
            return False
        both_whole = parts[one].is_whole and parts[other].is_whole
        return not both_whole or other in partners[one]

    group_of = {index: [index] for index in range(len(parts))}
    for _, one, other in matches:
        first, second = group_of[one], group_of[other]
        if first is not second and all(
            itertools.starmap(may_be_one, itertools.product(first, second))
        ):
            first += second
            group_of.update(dict.fromkeys(second, first))
    return sorted({min(group): sorted(group) for group in group_of.values()}.values())


def _is_left_over(
    group: Sequence[int], parts: Sequence[Part], partners: Mapping[int, set[int]]
) -> bool:
    """Whether a group is nothing but pieces of wholes that tiles without it show."""
    if any(parts[index].is_whole for index in group):
        return False
    tiles = {parts[index].tile for index in group}
    return all(
        any(
            parts[other].is_whole
            and parts[other].tile not in tiles
            and lies_within(parts[index], parts[other])
            for other in partners[index]
        )
        for index in group
    )
