"""Images for tests, made on the spot."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image as Pillow

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 60), (30, 60, 200), (250, 250, 250)


def drawn(width: int = 800, height: int = 500, mode: str = "RGB") -> Pillow.Image:
    """A colour in each corner: green and red above, white and blue below."""
    image = Pillow.new("RGB", (width, height), RED)
    image.paste(GREEN, (0, 0, width // 2, height // 2))
    image.paste(WHITE, (0, height // 2, width // 2, height))
    image.paste(BLUE, (width // 2, height // 2, width, height))
    return image.convert(mode)


def encode(image: Pillow.Image, format_: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def picture(width: int = 800, height: int = 500, format_: str = "PNG") -> bytes:
    return encode(drawn(width, height), format_)


def decode(data: bytes) -> Pillow.Image:
    image = Pillow.open(io.BytesIO(data))
    image.load()
    return image


def photograph(orientation: int) -> bytes:
    """A JPEG as a telephone makes it: held in some way, with a place in it."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A secret telephone"
    exif.get_ifd(0x8825)[2] = (53.0, 33.0, 2.5)
    return encode(drawn(), "JPEG", quality=95, exif=exif.tobytes())


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few bytes that says that it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100_000))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bulging_gif() -> bytes:
    """A GIF of one pixel whose first frame says that it is huge."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
    return head + frame + b"\x02\x02\x44\x01\x00;"
