"""`python -m deploy.ray`."""

import sys

from deploy.ray.cli import main

sys.exit(main())
