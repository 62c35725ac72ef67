"""Holds archives against Detectron2 on its whole model zoo: `python -m fidelity --help`.

    zoo --zoo--> ZooConfig --original--> Detectron2's own network
    network --weights--> seeded random weights under which it finds something
    config, weights --export--> .mar --serving--> what a worker gives
    Detectron2's own answer, the worker's --comparison--> row --results, report--> docs/fidelity.md

`check` goes this way for one config, `batches` asks what stacking images changes, `cli` is the
command line in front of both.
"""
