"""The operators that need no compiler give on a GPU what they give on the CPU."""

import pytest
import torch

from handler.operators.deformable import modulated_deform_conv
from handler.operators.rotated_iou import box_iou_rotated
from handler.operators.rotated_nms import nms_rotated
from handler.operators.rotated_roi_align import roi_align_rotated_forward

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="this machine has no GPU that torch can use"
)

BOXES = torch.rand(700, 5, generator=torch.Generator().manual_seed(0)) * 100
FEATURES = torch.rand(2, 8, 30, 40, generator=torch.Generator().manual_seed(1))
ROIS = torch.cat([torch.arange(700)[:, None] % 2, BOXES], dim=1)
OFFSET, MASK = FEATURES.mean(dim=1, keepdim=True).expand(2, 27, 30, 40).split([18, 9], dim=1)

CALLS = [
    pytest.param(box_iou_rotated, (BOXES, BOXES), id="IoU"),
    pytest.param(nms_rotated, (BOXES, torch.linspace(0, 1, 700), 0.3), id="NMS"),
    pytest.param(roi_align_rotated_forward, (FEATURES, ROIS, 0.25, 7, 5, 0), id="adaptive pooling"),
    pytest.param(roi_align_rotated_forward, (FEATURES, ROIS, 0.25, 7, 5, 2), id="pooling"),
    pytest.param(
        modulated_deform_conv,
        (FEATURES, OFFSET, MASK, FEATURES[0, :, None, :3, :3].expand(8, 8, 3, 3), None, 1, 1),
        id="convolution",
    ),
]


@pytest.mark.parametrize(("operator", "arguments"), CALLS)
def test_as_on_the_cpu(operator, arguments):
    there = [one.cuda() if isinstance(one, torch.Tensor) else one for one in arguments]
    found = operator(*there)
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), operator(*arguments), rtol=1e-4, atol=1e-4)
