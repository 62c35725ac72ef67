"""Small files that say that they are huge: believed, each would cost gigabytes, or minutes.

Each kind is a function of a seeded chance, so that a thousand of them are a thousand others.
"""

import functools
import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

from PIL import Image

Bomb = Callable[[random.Random], bytes]

_SMALL_WH = (64, 48)
_INFLATED = 100_000_000  # bytes of zeros, 100 kB when they are deflated
_SCANS = 400
_SHORT, _LONG = 3, 4  # types of TIFF 6.0, section 2


def bombs(count: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Make so many, of all kinds in turns.

    Yields:
        The kind, and the file.
    """
    chance = random.Random(seed)
    kinds = list(KINDS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield kind, KINDS[kind](chance)


def _png(width: int, height: int, *, colour: int = 2, chunks: Sequence[bytes] = ()) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            *chunks,
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _huge_png(chance: random.Random) -> bytes:
    most = chance.choice((65_500, 1_000_000, 2**31 - 1))
    return _png(_beyond(chance, most), _beyond(chance, most), colour=chance.choice((0, 2, 6)))


@functools.cache
def _deflated_zeros() -> bytes:
    return zlib.compress(bytes(_INFLATED), 9)


def _png_with_text(chance: random.Random) -> bytes:
    """A comment that inflates to 100 MB in front of a small image."""
    width, height = _SMALL_WH
    kind = chance.choice((b"zTXt", b"iCCP"))
    return _png(width, height, chunks=[_chunk(kind, b"Name\0\0" + _deflated_zeros())])


@functools.cache
def _encoded(format_name: str, *, progressive: bool = False, lossless: bool = False) -> bytes:
    image = Image.effect_noise(_SMALL_WH, 60).convert("RGB")
    buffer = io.BytesIO()
    if format_name == "JPEG":
        image.save(buffer, format_name, progressive=progressive)
    else:
        image.save(buffer, format_name, lossless=lossless)
    return buffer.getvalue()


def _resized_jpeg(content: bytes, width: int, height: int) -> bytes:
    """Another size in the frame's header (ITU T.81, B.2.2)."""
    marker = next(m for m in (b"\xff\xc0", b"\xff\xc2") if m in content)
    at = content.index(marker) + 5  # behind marker, length and precision
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def _huge_jpeg(chance: random.Random) -> bytes:
    content = _encoded("JPEG", progressive=chance.random() < 0.5)
    return _resized_jpeg(content, _beyond(chance, 65_500), _beyond(chance, 65_500))


def _jpeg_of_many_scans(chance: random.Random) -> bytes:
    """As large as is allowed, and gone over hundreds of times."""
    content = _encoded("JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    scan = content[last:-2]
    side = chance.randrange(4000, 5000)
    return _resized_jpeg(content[:-2] + scan * _SCANS + b"\xff\xd9", side, side)


def _gif(screen_wh: tuple[int, int], frame_wh: tuple[int, int]) -> bytes:
    """GIF 89a, sections 17 to 22: a palette of two colours and one frame with hardly any data."""
    return b"".join(
        (
            b"GIF89a" + struct.pack("<HHBBB", *screen_wh, 0xF0, 0, 0),
            bytes(3) + b"\xff" * 3,
            b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame_wh, 0),
            b"\x02\x02\x4c\x01\x00",
            b"\x3b",
        )
    )


def _huge_gif(chance: random.Random) -> bytes:
    huge = _beyond(chance, 65_535), _beyond(chance, 65_535)
    return _gif(huge, chance.choice((huge, _SMALL_WH)))


def _gif_with_a_huge_frame(chance: random.Random) -> bytes:
    return _gif(_SMALL_WH, (_beyond(chance, 65_535), _beyond(chance, 65_535)))


def _tiff(tags: dict[int, tuple[int, int]]) -> bytes:
    """TIFF 6.0, section 2: one directory, little-endian, and some zeros that it may point to."""
    entries = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items())
    )
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(1000)


_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 258, 259, 262, 277
_WIDTH, _HEIGHT = 256, 257
_PLAIN = {
    _BITS: (_SHORT, 8),
    _COMPRESSION: (_SHORT, 1),
    _PHOTOMETRIC: (_SHORT, 1),
    _SAMPLES: (_SHORT, 1),
}


def _huge_tiff(chance: random.Random) -> bytes:
    width, height = _beyond(chance, 2**31 - 1), _beyond(chance, 2**31 - 1)
    strip = {273: (_LONG, 200), 278: (_LONG, height), 279: (_LONG, 1000)}
    compression = chance.choice((1, 5, 8, 32773))  # none, LZW, deflate, PackBits
    size = {_WIDTH: (_LONG, width), _HEIGHT: (_LONG, height)}
    return _tiff({**_PLAIN, **size, **strip, _COMPRESSION: (_SHORT, compression)})


def _tiff_with_huge_tiles(chance: random.Random) -> bytes:
    """A small image that is cut into tiles larger than itself."""
    side = _beyond(chance, 65_536) // 16 * 16
    size = {_WIDTH: (_LONG, 64), _HEIGHT: (_LONG, 48)}
    tiles = {322: (_LONG, side), 323: (_LONG, side), 324: (_LONG, 200), 325: (_LONG, 1000)}
    return _tiff({**_PLAIN, **size, **tiles, _COMPRESSION: (_SHORT, 8)})


def _huge_webp(chance: random.Random) -> bytes:
    """RFC 9649: 14 bits for each side, of a picture with loss or without; 24 of a canvas."""
    width, height = (chance.randrange(10_000, 16_384) for _ in range(2))
    if chance.random() < 0.5:
        content = _encoded("WEBP")
        at = content.index(b"\x9d\x01\x2a") + 3
        return content[:at] + struct.pack("<HH", width, height) + content[at + 4 :]
    content = _encoded("WEBP", lossless=True)
    at = content.index(b"VP8L") + 9
    (bits,) = struct.unpack_from("<I", content, at)
    bits = bits >> 28 << 28 | (height - 1) << 14 | (width - 1)
    return content[:at] + struct.pack("<I", bits) + content[at + 4 :]


def _webp_with_a_huge_canvas(chance: random.Random) -> bytes:
    width, height = (chance.randrange(20_000, 65_000) for _ in range(2))
    canvas = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    picture = _encoded("WEBP")[12:]
    content = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas + picture
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _huge_bmp(chance: random.Random) -> bytes:
    width, height = (_beyond(chance, 2**31 - 1) for _ in range(2))
    information = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 1054, 0, 0, 54) + information + bytes(1000)


def _beyond(chance: random.Random, most: int) -> int:
    """A side of which two make more than 25 million pixels, the largest in one case of four."""
    return most if chance.random() < 0.25 else chance.randrange(5_001, most)


KINDS: dict[str, Bomb] = {
    "PNG": _huge_png,
    "PNG with a text of 100 MB": _png_with_text,
    "JPEG": _huge_jpeg,
    "JPEG of 400 scans": _jpeg_of_many_scans,
    "GIF": _huge_gif,
    "GIF with a huge frame": _gif_with_a_huge_frame,
    "TIFF": _huge_tiff,
    "TIFF with huge tiles": _tiff_with_huge_tiles,
    "WEBP": _huge_webp,
    "WEBP with a huge canvas": _webp_with_a_huge_canvas,
    "BMP": _huge_bmp,
}
