"""Trained Detectron2 model -> TorchServe archive: `python -m export --help`.

    --config-file --zoo, yacs_config | lazy_config--> ModelConfig --network--> network
    --weights --zoo, checkpoint--> Checkpoint --fitting--> the network's weights
    --classes --classes--> Labels
    network, weights, Labels --staging, archive--> .mar --verify--> the model store

`pipeline` goes this way from end to end, `cli` is the command line in front of it, `inspection`
reads an archive again without running it.
"""
