"""`python -m deploy.ray.jobs`: the same as `python -m deploy.ray predict`."""

import sys

from deploy.ray.jobs.cli import main

sys.exit(main())
