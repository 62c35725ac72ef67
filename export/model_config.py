"""What an archive needs of a config, whatever kind of config it was."""

from dataclasses import dataclass

from handler.metadata import ConfigKind, InputSpec


@dataclass(frozen=True)
class ModelConfig:
    """A config for serving: what ties it to the training machine is cleared.

    Attributes:
        kind: How `text` is to be read.
        text: Content of the archive's `config.yaml`.
        input: How images are prepared.
        projects: Detectron2's own projects that register parts of the network.
        datasets: Names of the data sets that it was trained and tested on.
        warnings: What the person should know, a sentence each.
    """

    kind: ConfigKind
    text: str
    input: InputSpec
    projects: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
