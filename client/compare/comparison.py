"""Two versions of a model on the same images, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from client.compare.agreement import Agreement
from client.compare.differences import Differences
from client.compare.precision import Precision
from client.compare.speed import Ratio
from client.evaluate.judging import Evaluation, JudgedImage, Settings


@dataclass(frozen=True, slots=True)
class ComparedImage:
    """An image that both versions have answered.

    Attributes:
        name: Of it.
        differences: Of the answers.
        old_s: What the caller waited for the old version, in seconds.
        new_s: Likewise for the new one.
        judged: Both answers judged, the old one first; None without annotations.
    """

    name: str
    differences: Differences
    old_s: float
    new_s: float
    judged: tuple[JudgedImage, JudgedImage] | None = None


@dataclass(frozen=True)
class Failed:
    """An image that is left out.

    Attributes:
        image: Its name.
        version: Which version has failed, `old` or `new`; None where it is the image itself.
        type: Name of the error.
        message: A sentence.
    """

    image: str
    version: str | None
    type: str
    message: str


@dataclass(frozen=True)
class Judged:
    """Both versions judged on the same images.

    Attributes:
        old: The old version.
        new: The new one.
        precision: AP of both.
    """

    old: Evaluation
    new: Evaluation
    precision: Precision


@dataclass(frozen=True)
class Comparison:
    """What two versions say of the same images.

    Attributes:
        settings: Least overlap and score, and how AP is judged.
        images: Those that both have answered.
        failures: The others, once for each version that has failed.
        agreement: Of their answers.
        speed: By stage.
        judged: Against annotations; None where there are none.
        notes: What to know before one believes the numbers, in sentences.
    """

    settings: Settings
    images: Sequence[ComparedImage]
    failures: Sequence[Failed]
    agreement: Agreement
    speed: Mapping[str, Ratio]
    judged: Judged | None
    notes: tuple[str, ...]

    @property
    def unanswered(self) -> list[Failed]:
        """What the new version has not answered and the old one has."""
        failed_before = {one.image for one in self.failures if one.version == "old"}
        return [
            one for one in self.failures if one.version == "new" and one.image not in failed_before
        ]

    def most_different(self, count: int) -> list[ComparedImage]:
        """The images on which they differ most, none on which they do not.

        By the objects that only one of them says or takes for something else; of equally many by
        how far the others are apart.

        Args:
            count: So many at most.
        """
        different = [one for one in self.images if one.differences.size > (0, 0.0)]
        return sorted(different, key=lambda one: one.differences.size, reverse=True)[:count]
