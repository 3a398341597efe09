"""Images: what people upload, checked and encoded afresh, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

from protocol.errors import FieldError, Invalid, RateLimited, TooLarge
from server.domain.pictures import THUMBNAILS, Image

__all__ = ["MOST_PIXELS", "Images"]

log = logging.getLogger("ripplecut.images")

MOST_PIXELS = 40_000_000
_AT_ONCE = 2
_MOST_WAITING = 16
_SECONDS = 120.0
_PROCESS = Path(__file__).with_name("image_process.py")
_NOT_OURS = "must be a PNG, JPEG, WebP or GIF"


class Images:
    """Reads images, two at a time; a few wait, and those behind them are refused."""

    def __init__(self, most_pixels: int = MOST_PIXELS) -> None:
        self._most_pixels = most_pixels
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._present = 0

    async def read(self, data: bytes) -> Image:
        """An image that is safe to keep and to show, whatever ``data`` is.

        Only its first frame, upright, in sRGB, without any metadata. Raises Invalid for what is no
        image or a broken one, TooLarge for too many pixels, RateLimited where too many wait.
        """
        if not _looks_like_an_image(data):
            raise _invalid("This is no image that can be taken", _NOT_OURS)
        if self._present >= _AT_ONCE + _MOST_WAITING:
            raise RateLimited(f"{self._present} pictures are being read; wait for some of them")
        self._present += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(_read, data, self._most_pixels)
        finally:
            self._present -= 1


def _looks_like_an_image(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is taken, whatever it is called."""
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))


def _invalid(detail: str, problem: str) -> Invalid:
    return Invalid(detail, [FieldError("file", problem)])


def _read(data: bytes, most_pixels: int) -> Image:
    """Have a process read an image. Files instead of pipes: nobody has to feed those in turns."""
    command = [sys.executable, "-P", str(_PROCESS), str(most_pixels), *THUMBNAILS]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as kept:
        given.write(data)
        given.seek(0)
        try:
            done = subprocess.run(
                command,
                stdin=given,
                stdout=kept,
                stderr=subprocess.PIPE,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _invalid("The image takes too long to read", "takes too long") from None
        if done.returncode < 0:  # a decoder crashed, or ran into a limit
            log.warning("an image ended its process with the signal %d", -done.returncode)
            raise _invalid("The image cannot be read", "cannot be read")
        if done.returncode > 0:
            raise RuntimeError(f"No image can be read: {done.stderr.decode(errors='replace')}")
        kept.seek(0)
        said = orjson.loads(kept.readline())
        if said.get("code") == "too_large":
            raise TooLarge(said["detail"])
        if "code" in said:
            raise _invalid(said["detail"], _NOT_OURS)
        files = {size: kept.read(length) for size, length in said["files"]}
    return Image(said["width"], said["height"], said["media_type"], files)
