"""Judge a served model on a COCO data set: AP, confusion matrix, thresholds, times, pictures."""
