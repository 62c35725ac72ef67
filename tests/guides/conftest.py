"""Every guide's model exported as the guide says, and one server of them all."""

from collections.abc import Iterator

import pytest

from tests.guides import material
from tests.guides.guide import GUIDES, Guide, read_guide
from tests.guides.project import Project


@pytest.fixture(scope="session")
def guides(pytestconfig: pytest.Config) -> dict[str, Guide]:
    folder = pytestconfig.rootpath / "docs" / "guides"
    return {name: read_guide(folder / f"{name}.md") for name in GUIDES}


@pytest.fixture(scope="session")
def project(
    pytestconfig: pytest.Config,
    guides: dict[str, Guide],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """The folder with everybody's files and models, served."""
    root = pytestconfig.rootpath
    made = Project.at(tmp_path_factory.mktemp("project"), root, guides)
    cache = tmp_path_factory.mktemp("cache")
    material.cityscapes(made.folder / "data")
    material.xray(made.folder / "data")
    material.zoo(made.folder, cache)
    material.masks(made.folder / "data")
    material.parts(made.folder)
    made.type("cityscapes", "export")
    for program in ("to8bit.py", "thresholds.py"):
        made.program("xray", program)
    made.type("xray", "bits", "convert", "export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FVCORE_CACHE", str(cache))  # where the zoo's weights are already
        made.type("hpc", "export")
    made.type("handed-over", "look")
    made.type("handed-over", "first", code=1)
    made.type("handed-over", "export")
    made.type("detectron1", "look", "names", "export")
    with made.serving("handed-over"):
        yield made
