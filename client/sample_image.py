"""An image for checks, drawn on the spot with nothing but the standard library."""

import random
import struct
import zlib

_BLOCK_PX = 16
_RGB_8_BIT = (8, 2, 0, 0, 0)  # https://www.w3.org/TR/png/#11IHDR


def sample_png(width: int, height: int, seed: int = 0) -> bytes:
    """A PNG of coloured blocks, the same for the same arguments.

    Args:
        width: In pixels.
        height: In pixels.
        seed: Chooses the colours.
    """
    chance = random.Random(seed)
    blocks_across = -(-width // _BLOCK_PX)
    rows = []
    for top in range(0, height, _BLOCK_PX):
        colours = [chance.randbytes(3) * _BLOCK_PX for _ in range(blocks_across)]
        row = b"\0" + b"".join(colours)[: 3 * width]
        rows.append(row * min(_BLOCK_PX, height - top))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">II5B", width, height, *_RGB_8_BIT)),
            _chunk(b"IDAT", zlib.compress(b"".join(rows))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
