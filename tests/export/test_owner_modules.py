from pathlib import Path

import pytest

from export.errors import ExportError
from export.owner_modules import copy_modules, import_modules, module_problems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good_one.py").write_text("VALUE = 1")
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "json.py").write_text("")
    (tmp_path / "not-a-name.py").write_text("")
    (tmp_path / "text.txt").write_text("")
    (tmp_path / "bare").mkdir()
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("from pkg.inner import VALUE")
    (tmp_path / "pkg" / "inner.py").write_text("VALUE = 2")
    (tmp_path / "pkg" / "__pycache__" / "x.pyc").write_text("")
    (tmp_path / "again" / "good_one").mkdir(parents=True)
    (tmp_path / "again" / "good_one" / "__init__.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["none.py"], r"none\.py is neither a \.py file nor a package's folder"),
        (["text.txt"], r"text\.txt is neither"),
        (["bare"], "bare is neither"),
        (["not-a-name.py"], "not-a-name cannot be imported by that name"),
        (["torch.py"], "the name torch is taken"),
        (["json.py"], "the name json is taken"),
        (["good_one.py", "again/good_one"], "two modules called good_one"),
    ],
)
def test_says_what_is_wrong(names, sentence, folder):
    (problem,) = module_problems([folder / name for name in names])
    assert __import__("re").search(sentence, problem)


def test_copies_modules_and_packages_and_imports_the_copies(folder, tmp_path):
    paths = [folder / "good_one.py", folder / "pkg"]
    assert module_problems(paths) == []
    target = tmp_path / "target"
    target.mkdir()
    copy_modules(paths, target)
    assert not list(target.rglob("*.pyc"))
    assert import_modules(paths, target) == ("good_one", "pkg")


def test_names_every_module_that_fails(tmp_path):
    paths = [tmp_path / "fails_one.py", tmp_path / "fails_two.py"]
    paths[0].write_text("1/0")
    paths[1].write_text("import no_such_module_at_all")
    with pytest.raises(ExportError) as caught:
        import_modules(paths, tmp_path)
    assert [problem.split("failed: ")[1].split(":")[0] for problem in caught.value.problems] == [
        "ZeroDivisionError",
        "ModuleNotFoundError",
    ]
