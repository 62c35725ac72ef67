"""Says in sentences what a server's log buries: which models answer, and which cannot."""

from collections.abc import Callable

from client.errors import ClientError
from server.torchserve import TorchServe

Say = Callable[[str], None]

_POLL_S = 0.5


def watch(server: TorchServe, say: Say, check: Callable[[], None] = lambda: None) -> None:
    """Wait until a server ends, and say what becomes of its models meanwhile.

    Args:
        server: A server inside its `with` block.
        say: Gets a sentence when something has changed.
        check: Called now and then; what it raises ends the watch.
    """
    said: set[str] = set()

    def once(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            say(sentence)

    while not server.has_ended(within_s=_POLL_S):
        check()
        for archive in server.passed_over():
            once(f"{archive} is not served: TorchServe cannot open it. Was it cut off?")
        try:
            models = server.management.models()
        except ClientError:
            continue  # not there yet
        _say_states(server, models, once)


def _say_states(server: TorchServe, models: list[str], once: Say) -> None:
    if not models:  # TorchServe opens its ports when it has gone through all archives
        once(f"No model is served: {server.model_store} has no archive that can be opened.")
    ready = []
    for model in models:
        if failure := server.load_failure(model):
            once(f'Model "{model}" cannot be loaded: {failure}')
        elif server.is_ready(model):
            ready.append(model)
    if models and len(ready) == len(models):
        once(
            f"Ready: {', '.join(sorted(ready))}. Ask at {server.inference.url}/predictions/NAME "
            "with the inference key of key_file.json; Ctrl-C stops the server."
        )
