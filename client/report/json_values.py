"""Values -> values that JSON has."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def json_value(value: Any) -> Any:
    """The same with null where a number is not defined (NaN) or has no end; tuples are lists.

    Args:
        value: Of mappings, sequences, texts, numbers and None.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: json_value(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [json_value(one) for one in value]
    return value
