"""How weights differ from the network of a config, in sentences that lead out of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from export.parts import find_parts
from export.reasons import reasons
from export.wording import many
from handler.metadata import ConfigKind

SHOWN = 12
"""Of each kind of difference at most so many lines; names beyond that are told by their modules."""


@dataclass(frozen=True)
class Differences:
    """What stands between weights and a network.

    Attributes:
        missing: Names that the weights lack.
        unknown: Names that the network lacks.
        shapes: Of weights that have another one than the network's, both by name.
        values: What else is wrong, a sentence each.
    """

    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    values: tuple[str, ...]

    def __len__(self) -> int:
        return sum(map(len, (self.missing, self.unknown, self.shapes, self.values)))

    def sentences(
        self,
        weights: Mapping[str, torch.Tensor],
        network: Mapping[str, torch.Tensor],
        kind: ConfigKind,
    ) -> list[str]:
        """All of it, and what it comes from where that can be seen.

        Args:
            weights: By the network's names, as far as they are known to it.
            network: Its state.
            kind: Of the config, which has keys to change.
        """
        missing = (f"missing in the weights: {one}" for one in _by_module(self.missing, network))
        unknown = (
            f"unknown to the config's network: {one}" for one in _by_module(self.unknown, weights)
        )
        shapes = [
            f"shape of {name}: {ours} in the weights, {theirs} by the config"
            for name, (ours, theirs) in sorted(self.shapes.items())
        ]
        return [
            f"The weights do not fit the config's network ({many(len(self), 'difference')}):",
            *(f"  {line}" for line in (*missing, *unknown)),
            *(f"  {line}" for line in (*_first(shapes, "shape"), *_first(self.values, "value"))),
            *reasons(find_parts(weights), find_parts(network), kind),
            *(["What may be missing is named by --allow-missing PATTERN."] if self.missing else []),
            *(["What may be left behind, by --allow-unexpected PATTERN."] if self.unknown else []),
        ]


def _first(lines: Sequence[str], what: str) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"... and {many(more, f'more {what}')}"] if more > 0 else [])]


def _by_module(names: tuple[str, ...], present: Iterable[str]) -> list[str]:
    """Names; of many their modules, as patterns, with how many of those that are there they are."""
    if len(names) <= SHOWN:
        return list(names)
    groups = [_Module("", list(names), len(list(present)))]
    while (opened := _with_one_opened(groups, present)) is not None:
        groups = opened
    if not groups[0].prefix:  # names without modules
        return _first(list(names), "name")
    return [str(one) for one in groups]


@dataclass(frozen=True)
class _Module:
    """A module that names are of: its own name with a dot, the names, how many it has in all."""

    prefix: str
    names: list[str]
    size: int

    @property
    def is_whole(self) -> bool:
        return len(self.names) == self.size

    def __str__(self) -> str:
        if len(self.names) == 1:
            return self.names[0]
        share = f"all {self.size}" if self.is_whole else f"{len(self.names)} of {self.size}"
        return f"{self.prefix}* ({share})"


def _with_one_opened(groups: list[_Module], present: Iterable[str]) -> list[_Module] | None:
    """What is in the largest module in its place; None where no more lines are left.

    Of modules that are told of as a whole nothing more is to be said.
    """
    for one in sorted(groups, key=lambda one: -len(one.names)):
        inside: dict[str, list[str]] = {}
        for name in one.names:
            step, dot, _ = name[len(one.prefix) :].partition(".")
            inside.setdefault(f"{one.prefix}{step}{dot}", []).append(name)
        is_said = len(one.names) == 1 or (one.is_whole and one.prefix)
        if is_said or len(groups) - 1 + len(inside) > SHOWN:
            continue
        index = groups.index(one)
        opened = [
            _Module(prefix, names, sum(name.startswith(prefix) for name in present))
            for prefix, names in inside.items()
        ]
        return [*groups[:index], *opened, *groups[index + 1 :]]
    return None
