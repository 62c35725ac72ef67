"""What runs inside TorchServe: image bytes in, Detectron2's answer out.

The package travels whole inside every archive, so an archive answers tomorrow as it did on the
day it was exported, whatever the checkout looks like by then. It imports nothing else of this
repository and, but for the entry file `detectron2_handler.py`, knows nothing of TorchServe.

One request's way, one module an arrow:

    row --request--> Request --image--> image_bgr --model_input--> ModelInput
        --model--> Instances --predictions--> Predictions --formats--> bytes
"""

import warnings

__version__ = "0.1.0"

# What torch deprecates of what Detectron2 uses: two lines at every start of a worker, which nobody
# who runs one can mend.
warnings.filterwarnings("ignore", message=r"`torch\.jit", category=FutureWarning)
warnings.filterwarnings("ignore", message=r"torch\.meshgrid", category=UserWarning)
