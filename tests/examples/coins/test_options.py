import pytest

from examples.coins import options, recipe


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--iterations", "0", "--iterations must be at least 1, not 0"),
        ("--scenes", "3", "--scenes must be at least 10, not 3"),
        ("--seed", "-1", "--seed must be at least 0, not -1"),
        ("--num-gpus", "-1", "--num-gpus must be at least 0, not -1"),
        ("--num-gpus", "99", "this machine has"),
    ],
)
def test_wrong_values_are_explained(capsys, flag, value, message):
    with pytest.raises(SystemExit):
        options.parse_options([flag, value])

    assert message in capsys.readouterr().err


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit):
        options.parse_options(["--help"])

    assert "--resume" in capsys.readouterr().out.split("examples:")[1]


def test_the_command_line_repeats_what_is_not_a_default():
    parsed = options.parse_options(["--seed", "3", "--output-dir", "a b", "--resume"])

    assert options.command_line(parsed) == (
        "python -m examples.coins.train --output-dir 'a b' --seed 3"
    )


def test_gpus_that_do_not_divide_a_batch_are_refused(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)

    assert options.parse_options(["--num-gpus", "2"]).num_gpus == 2
    with pytest.raises(SystemExit):
        options.parse_options(["--num-gpus", "3"])

    assert f"batch of {recipe.IMAGES_PER_BATCH} pictures; 3 does not" in capsys.readouterr().err
