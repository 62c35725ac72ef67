"""What a job is asked about: a folder, a COCO file or a table -> its images, one at a time."""
