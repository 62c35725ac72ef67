import pytest

from benchmarks.environment import computes_in_bfloat16, cpu_name


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx512f avx512_bf16 erms", True),  # AMD from Zen 4 on, Intel's Cooper Lake
        ("fpu amx_bf16 amx_tile", True),  # Intel from Sapphire Rapids on
        ("fpu avx512f avx2", False),  # neither
        ("fpu avx512_bf16x", False),  # another word
        ("", False),
    ],
)
def test_processors_that_compute_in_bfloat16(flags, expected):
    cpuinfo = f"processor : 0\nmodel name : A CPU\nflags\t\t: {flags}\nbugs : avx512_bf16\n"
    assert computes_in_bfloat16(cpuinfo) == expected
    assert cpu_name(cpuinfo) == "A CPU"
