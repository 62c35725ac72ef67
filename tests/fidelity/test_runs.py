"""A run: what is left to do, what is kept, what stops it."""

import pytest

from fidelity import runs
from fidelity.runs import CodeChanged, Run
from fidelity.zoo import FULL, zoo_configs

CONFIGS = zoo_configs(["rpn_R_50"])
NAMES = [config.name for config in CONFIGS]


class Bench:
    """Stands for what is done with a config; remembers with which."""

    def __init__(self):
        self.done = []
        self.problem = ""
        self.stop_at = None

    def __call__(self, config, scale):
        assert scale is FULL
        if config.name == self.stop_at:
            raise KeyboardInterrupt
        self.done.append(config.name)
        return [{"seconds": 1.0, "problem": self.problem, "config": config.name}]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_run(bench, tmp_path):
    def make(configs=CONFIGS):
        return Run(
            "zoo",
            configs,
            perform=bench,
            table=lambda rows, _: " ".join(row["config"] for row in rows),
            folder=tmp_path,
        )

    return make


def test_every_config_is_run_once(make_run, bench):
    assert make_run().go(fresh=False) == []
    assert bench.done == NAMES
    make_run().go(fresh=False)
    assert bench.done == NAMES
    make_run().go(fresh=True)
    assert bench.done == [*NAMES, *NAMES]


def test_an_interrupted_run_goes_on(make_run, bench, tmp_path):
    bench.stop_at = NAMES[1]
    with pytest.raises(KeyboardInterrupt):
        make_run().go(fresh=False)
    assert [path.name for path in tmp_path.iterdir()] == ["zoo.jsonl"]
    assert make_run().listed(fresh=False)[:2] == [
        (NAMES[0], "has a row"),
        (NAMES[1], "has no row"),
    ]
    bench.stop_at = None
    make_run().go(fresh=False)
    assert bench.done == NAMES


def test_problems_are_told_again_by_the_next_run(make_run, bench):
    bench.problem = "differs: sem_seg"
    assert make_run().go(fresh=False) == [(name, bench.problem) for name in NAMES]
    assert make_run().go(fresh=False) == [(name, bench.problem) for name in NAMES]
    assert bench.done == NAMES


def test_rows_of_other_code_are_run_again(make_run, bench, monkeypatch):
    make_run().go(fresh=False)
    monkeypatch.setattr(runs, "state_of_things", lambda _: {"code": "other"})
    assert make_run().listed(fresh=False)[0] == (NAMES[0], "has a row of another state")
    make_run().go(fresh=False)
    assert bench.done == [*NAMES, *NAMES]


def test_code_that_changes_meanwhile_stops_it(make_run, monkeypatch):
    states = iter([{"code": "before"}, {"code": "before"}, {"code": "after"}])
    monkeypatch.setattr(runs, "state_of_things", lambda _: next(states))
    run = make_run()
    with pytest.raises(CodeChanged, match=NAMES[1]):
        run.go(fresh=False)
    assert [standing for _, standing in run.listed(fresh=False)][:2] == ["has a row", "has no row"]


def test_all_rows_are_written(make_run, tmp_path):
    document = tmp_path / "d.md"
    document.write_text("<!-- zoo: begin -->\n<!-- zoo: end -->\n")
    run = make_run()
    run.go(fresh=False)
    run.write(document)
    assert " ".join(NAMES) in document.read_text()


def test_the_batches_are_those_of_configs_that_exist(tmp_path):
    assert {name for name, _ in runs.batches_run((), folder=tmp_path).listed(fresh=False)} == set(
        runs.REPRESENTATIVES
    )
