"""What is wrong with the caller's material, all of it at once."""

from collections.abc import Sequence

from client.errors import ClientError


class BadMaterial(ClientError):
    """Annotations or images that cannot be judged; a sentence for each problem.

    Attributes:
        problems: The sentences.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
