from http import HTTPStatus

import pytest

from handler import errors


def subclasses(cls: type) -> list[type]:
    return [cls, *(found for sub in cls.__subclasses__() for found in subclasses(sub))]


@pytest.mark.parametrize("error", subclasses(errors.HandlerError)[1:])
def test_the_tree_in_the_docstring_is_the_tree(error):
    assert errors.__doc__ is not None
    (line,) = [line for line in errors.__doc__.splitlines() if f"── {error.__name__} " in line]
    assert line.split(error.__name__)[1].split()[0] == str(error.status)


@pytest.mark.parametrize("error", subclasses(errors.HandlerError))
def test_every_status_has_an_ascii_phrase(error):
    # A phrase that is not ASCII desynchronises TorchServe's protocol and kills the worker.
    assert HTTPStatus(error.status).phrase.isascii()
