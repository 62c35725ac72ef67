"""Why a server does not start or does not become ready."""


class ServerError(Exception):
    """A server could not be started or used; the message says what to do about it."""
