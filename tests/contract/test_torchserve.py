"""What we assume of TorchServe 0.12, so that another version says so at once."""

import inspect
import subprocess
import sys

from ts.utils.util import list_classes_from_module

from handler import detectron2_handler


def test_the_entry_file_defines_exactly_one_class_and_no_handle_function():
    (only,) = list_classes_from_module(detectron2_handler)
    assert only is detectron2_handler.Detectron2Handler
    assert not hasattr(detectron2_handler, "handle")
    assert len(inspect.getsource(detectron2_handler).splitlines()) < 100


def test_the_handler_does_not_pull_torchserve_in():
    # BaseHandler's import switches TF32 on, which changes what a model says on a GPU.
    code = (
        "import sys, warnings; warnings.simplefilter('ignore');"
        "import handler.detectron2_handler;"
        "sys.exit(any(name == 'ts' or name.startswith('ts.') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
