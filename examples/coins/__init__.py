"""The embedded demo model: a small Mask R-CNN that finds coins, trained on drawn scenes only."""
