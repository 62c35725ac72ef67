"""`python -m server`: TorchServe in the foreground until Ctrl-C."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TextIO

from server.archives import check_archives
from server.draining import answer_what_has_arrived
from server.errors import ServerError
from server.signals import StopInOrder, StopSignals
from server.torchserve import CONSOLE_LEVELS, LOG_CONFIG, TorchServe
from server.watch import watch

EPILOG = """\
example:
  python -m server --models coins=coins.mar

  Archives are held against their .sha256 before anything of them runs; one that differs is refused.
  Ctrl-C stops it at once and leaves no process behind. SIGTERM, which supervisors and containers
  send, lets it answer first what has arrived: `python -m client ready` says meanwhile that it is
  not ready, and what still comes is answered as well. A second signal stops it at once.
  Requests need the inference key of key_file.json, which the server writes into this folder when it
  starts. Its logs are in logs/ of this folder, whatever LOG_LOCATION says.

exit codes: 0 stopped by a signal; 1 could not run, or was stopped with requests unanswered; 2 usage
"""

DRAIN_TIMEOUT_S = 30.0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError
    return seconds


def _console_of(output: TextIO | None) -> str:
    """A person wants to see what is wrong; a container's output is its log."""
    return "warn" if output is not None and output.isatty() else "info"


def _say(sentence: str) -> None:
    print(f"\n==> {sentence}\n", flush=True)


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 0 stopped by a signal; 1 could not run, or SIGTERM left requests without an
        answer.
    """
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Run TorchServe in the foreground.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--ts-config", type=Path, default=Path("config.properties"), metavar="FILE")
    add(
        "--log-config",
        type=Path,
        default=LOG_CONFIG,
        metavar="FILE.xml",
        help="what is logged, as log4j2 reads it (default: nothing that clients send, bounded)",
    )
    add(
        "--console",
        choices=CONSOLE_LEVELS,
        help="what of the log is shown here as well (default: warnings on a terminal, all of it "
        "elsewhere)",
    )
    add("--model-store", type=Path, default=Path("model_store"), metavar="DIR")
    add("--models", nargs="+", default=["all"], metavar="[NAME=]FILE.mar")
    add(
        "--model-api",
        action="store_true",
        help="let the management port register and unregister models (python -m client models); "
        "an archive is a program, so its key then is the key to this machine",
    )
    add(
        "--drain-timeout",
        type=_seconds,
        default=DRAIN_TIMEOUT_S,
        metavar="S",
        help="on SIGTERM, answer what has arrived for so many seconds at most; 0 stops at once "
        "(default: %(default)g)",
    )
    arguments = parser.parse_args()
    console = arguments.console or _console_of(sys.stdout)
    signals = StopSignals()
    signals.install()
    try:
        for sentence in check_archives(arguments.model_store, arguments.models):
            _say(sentence)
        with contextlib.ExitStack() as stack:
            with signals.held():
                server = stack.enter_context(
                    TorchServe(
                        config=arguments.ts_config,
                        model_store=arguments.model_store,
                        models=arguments.models,
                        work_dir=Path(),
                        model_api=arguments.model_api,
                        log_config=arguments.log_config,
                        console=console,
                    )
                )
            if console == "warn":
                _say("Starting. The whole log is in logs/; --console info shows it here as well.")
            try:
                watch(server, _say, signals.raise_again)
            except StopInOrder:
                _drain(server, arguments.drain_timeout)
                raise
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 0
    print("TorchServe ended by itself; its reason stands above.", file=sys.stderr)
    return 1


def _drain(server: TorchServe, timeout_s: float) -> None:
    if timeout_s == 0:
        return
    _say(f"Stopping when everything is answered, in {timeout_s:g} s at most.")
    answer_what_has_arrived(server, timeout_s=timeout_s, say=_say)


if __name__ == "__main__":
    sys.exit(main())
