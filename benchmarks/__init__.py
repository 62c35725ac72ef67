"""Measures how fast archives are served, as ratios within one run: `python -m benchmarks --help`.

    photographs --material--> 32 JPEGs
    config, weights --models--> ModelFiles --reference--> what Detectron2 says of each JPEG
    ModelFiles --arms--> ways to get answers: bare loops, our handler, servers
    arms --starts--> series --load--> times, while every answer --checking--> is held against that
    all of it --run--> RESULT.json --figures, growth--> numbers
    numbers --goals, sections, report, picture--> docs/performance.md

`cli` is the command line in front of it, `options` says how much is measured.
"""
