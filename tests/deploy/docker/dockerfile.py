"""A Dockerfile as a list of stages, as far as its tests need it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction, its continued lines joined.

    Attributes:
        keyword: In capitals.
        value: The rest, without comments.
    """

    keyword: str
    value: str


@dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def values(self, keyword: str) -> list[str]:
        """What stands after each instruction of a kind."""
        return [one.value for one in self.instructions if one.keyword == keyword]

    def exec_form(self, keyword: str) -> list[str]:
        """The words of an ENTRYPOINT, or of a HEALTHCHECK's CMD; a JSON array is no shell's."""
        (value,) = self.values(keyword)
        return json.loads(value[value.index("[") :])

    def copies(self) -> list[tuple[list[str], str]]:
        """Sources and destination of each COPY out of the repository."""
        words = [value.split() for value in self.values("COPY") if "--from=" not in value]
        return [(sources, destination) for *sources, destination in words]

    def environment(self, **given: str) -> dict[str, str]:
        """What ENV sets; `${NAME}` in it is taken from `given`."""
        found = {}
        for value in self.values("ENV"):
            for pair in value.split():
                name, _, text = pair.partition("=")
                found[name] = re.sub(r"\$\{(\w+)\}", lambda match: given[match[1]], text)
        return found


def read_dockerfile(path: Path) -> dict[str, Stage]:
    """Its stages by name; what stands before the first is not among them."""
    lines = (line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages: dict[str, Stage] = {}
    current = None
    for line in filter(None, text.splitlines()):
        keyword, _, value = line.partition(" ")
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            current = stages[name] = Stage(name, base)
        elif current:
            current.instructions.append(Instruction(keyword, value.strip()))
    return stages
