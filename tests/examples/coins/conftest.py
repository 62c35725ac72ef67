"""What the tests of the coins example share."""

import importlib
import logging
import warnings

import pytest
import torch

# Detectron2's own modules warn while they are imported and in their first forward pass; the
# suite turns warnings into errors, but these are not the repository's to mend.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    importlib.import_module("detectron2.engine")
    importlib.import_module("detectron2.evaluation")


@pytest.fixture(autouse=True)
def _fresh_logging():
    """Detectron2 keeps log handlers for good; each test has its own captured streams."""
    yield
    from detectron2.utils.logger import setup_logger

    for name in ("detectron2", "fvcore"):
        logging.getLogger(name).handlers.clear()
    setup_logger.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """The networks here are tiny: more threads would mostly wait for each other."""
    torch.set_num_threads(1)
