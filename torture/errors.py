"""Why a fault cannot be tried."""


class TortureError(Exception):
    """Something went wrong that was not part of the plan; the message says what."""


class NotHere(TortureError):
    """This machine cannot do it; the message says what it would need."""
