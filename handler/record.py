"""What happened while a request was answered, for metrics and logs; nothing that was sent."""

from dataclasses import dataclass, field

from handler.outcome import Timings


@dataclass(frozen=True)
class Record:
    """One request's; several threads may add to it.

    Attributes:
        timings: Milliseconds of each stage, of all its images together.
        megapixels: Of each image that was decoded.
        class_names: Of each object that was answered.
        errors: Type of each failure, of an image or of the whole request.
    """

    timings: Timings = field(default_factory=Timings)
    megapixels: list[float] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
