"""What runs beside the caller: talks HTTP to a server, needs neither torch nor Detectron2."""
