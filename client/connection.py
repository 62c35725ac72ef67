"""The arguments by which commands find a server, and its clients."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from client.argument_types import timeout
from client.errors import ClientError
from client.http import find_key, is_this_machine
from client.management import ManagementClient
from client.properties import address, read_properties

CONFIG_FILE = Path("config.properties")


@dataclass(frozen=True)
class Connection:
    """A server.

    Attributes:
        inference_url: Where it is asked about images.
        management_url: Where it is asked about models; None where nobody has said.
        key_folder: Where it was started; it writes `key_file.json` there.
        properties: Lines of its `config.properties`; none where there is no such file here.
        timeout_s: Longest wait for an answer.
    """

    inference_url: str
    management_url: str | None
    key_folder: Path
    properties: dict[str, str]
    timeout_s: float

    @property
    def inference_key(self) -> str | None:
        """Token of the inference API."""
        return find_key(self.key_folder, "inference")

    @property
    def management(self) -> ManagementClient:
        """Client of the management API.

        Raises:
            ClientError: Nobody has said where it is.
        """
        if self.management_url is None:
            raise ClientError(
                f"Where the management API of {self.inference_url} is has not been said: "
                "--management names it."
            )
        token = find_key(self.key_folder, "management")
        return ManagementClient(self.management_url, token, self.timeout_s)


def add_connection(
    parser: argparse.ArgumentParser, *, timeout_s: float, waits_for: str = "an answer"
) -> None:
    """Let a command take what `connect` needs.

    Args:
        parser: Of the command.
        timeout_s: Longest wait unless another one is given.
        waits_for: What for, as --help says it.
    """
    add = parser.add_argument_group("the server").add_argument
    add(
        "--ts-config",
        type=Path,
        metavar="FILE",
        help=f"its config.properties (default: {CONFIG_FILE}, where there is one)",
    )
    add("--inference", metavar="URL", help="its inference address (default: of --ts-config)")
    add(
        "--management",
        metavar="URL",
        help="its management address (default: of --ts-config; none where that is this machine's "
        "and --inference another one's)",
    )
    add(
        "--key-folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where it was started and wrote key_file.json; TORCHSERVE_INFERENCE_KEY and "
        "TORCHSERVE_MANAGEMENT_KEY win (default: this folder)",
    )
    add(
        "--timeout",
        type=timeout,
        default=timeout_s,
        metavar="S",
        help=f"longest wait for {waits_for}, in seconds (default: %(default)g)",
    )


def connect(arguments: argparse.Namespace) -> Connection:
    """The server that arguments name.

    Raises:
        ClientError: Its config.properties cannot be read.
    """
    file = arguments.ts_config or (CONFIG_FILE if CONFIG_FILE.is_file() else None)
    properties = read_properties(file) if file else {}
    inference = arguments.inference or address(properties, "inference")
    management = arguments.management or address(properties, "management")
    alone = arguments.inference and not arguments.management
    if alone and is_this_machine(management) and not is_this_machine(inference):
        management = None  # a server of this machine would speak of its own models
    return Connection(
        inference.rstrip("/"),
        management and management.rstrip("/"),
        arguments.key_folder,
        properties,
        arguments.timeout,
    )
