"""Ask about images and videos, draw the answers and write them as COCO results."""
