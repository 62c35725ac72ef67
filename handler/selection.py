"""Applies a request's options to what the model says."""

from dataclasses import replace

import numpy as np

from handler.options import Options
from handler.predictions import Predictions


def select(predictions: Predictions, options: Options) -> Predictions:
    """Leave out the instances that were not asked for; everything else stays."""
    objects = predictions.objects
    # Not below, instead of at least: a NaN stays, and is an error when it is written.
    keep = ~(objects.scores < np.float32(options.score_threshold))
    if options.classes is not None:
        keep &= np.isin(objects.class_ids, list(options.classes))
    if keep.all() and options.max_detections is None:
        return predictions
    rows = np.flatnonzero(keep)[: options.max_detections]
    return replace(predictions, objects=objects[rows])
