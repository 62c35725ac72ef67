from benchmarks.arms.predictors import Predictors
from benchmarks.comparison import compare
from benchmarks.found import from_instances
from benchmarks.material import material
from benchmarks.models import coins


def test_a_faster_precision_leaves_the_exact_network_as_it_is(tmp_path):
    images = material()[:1]
    loops = Predictors.load(coins(tmp_path, images, full_size=False), images, "cpu")
    exact, fast = loops.forward(), loops.forward("fast")
    before, faster = from_instances(exact(0)[0]), from_instances(fast(0)[0])
    assert compare(from_instances(exact(0)[0]), before).is_identical
    one = compare(faster, before)
    assert one.matching.unpaired == 0
    assert not one.is_identical
    assert one.matching.largest_score < 1e-3
