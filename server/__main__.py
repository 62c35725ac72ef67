"""`python -m server`: TorchServe in the foreground until Ctrl-C."""

import argparse
import signal
import sys
from pathlib import Path

from server.archives import check_archives
from server.errors import ServerError
from server.torchserve import TorchServe
from server.watch import watch

EPILOG = """\
example:
  python -m server --models coins=coins.mar

  Archives are held against their .sha256 before anything of them runs; one that differs is refused.
  Ctrl-C stops it and leaves no process behind. Requests need the inference key of key_file.json,
  which the server writes into this folder when it starts.
"""


def _stop_on_signals() -> None:
    """Let a supervisor's SIGTERM and a closed terminal stop the server as Ctrl-C does."""
    # Shells start background jobs with SIGINT ignored, and Python then leaves it so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it ignored
        signal.signal(signal.SIGHUP, signal.default_int_handler)


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 0 stopped by Ctrl-C or SIGTERM, 1 could not run.
    """
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Run TorchServe in the foreground.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--ts-config", type=Path, default=Path("config.properties"), metavar="FILE")
    add("--model-store", type=Path, default=Path("model_store"), metavar="DIR")
    add("--models", nargs="+", default=["all"], metavar="[NAME=]FILE.mar")
    add(
        "--model-api",
        action="store_true",
        help="let the management port register and unregister models (python -m client models); "
        "an archive is a program, so its key then is the key to this machine",
    )
    arguments = parser.parse_args()
    _stop_on_signals()
    try:
        for sentence in check_archives(arguments.model_store, arguments.models):
            print(f"\n==> {sentence}\n", flush=True)
        with TorchServe(
            config=arguments.ts_config,
            model_store=arguments.model_store,
            models=arguments.models,
            work_dir=Path(),
            model_api=arguments.model_api,
        ) as server:
            watch(server, lambda sentence: print(f"\n==> {sentence}\n", flush=True))
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 0
    print("TorchServe ended by itself; its reason stands above.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
