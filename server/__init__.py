"""Starts and stops a TorchServe on this machine: `python -m server --help`.

`torchserve --start` works as well. This adds what it lacks: it finds Java, says in a sentence
which port is taken, waits until models really answer, and leaves no process behind.
"""
