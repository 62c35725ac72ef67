"""Why a benchmark, or one arm of it, cannot run."""


class BenchmarkError(Exception):
    """The benchmark cannot run; the message says what to do about it."""


class ArmUnavailable(BenchmarkError):
    """One arm cannot run here; the others can."""
