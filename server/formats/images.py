"""Images: what people upload, checked and encoded afresh, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event
from typing import IO

import orjson

from protocol.errors import FieldError, Invalid, RateLimited, TooLarge, Unavailable
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
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = Event()

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
                return await asyncio.to_thread(self._read, data)
        finally:
            self._present -= 1

    def close(self) -> None:
        """End what is under way: those who wait for it are told Unavailable."""
        self._ended.set()
        for process in list(self._processes):
            process.kill()

    def _read(self, data: bytes) -> Image:
        """Have a process read an image. Files instead of pipes: nobody has to feed those."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as kept:
            given.write(data)
            given.seek(0)
            self._run(given, kept)
            kept.seek(0)
            said = orjson.loads(kept.readline())
            if said.get("code") == "too_large":
                raise TooLarge(said["detail"])
            if "code" in said:
                raise _invalid(said["detail"], _NOT_OURS)
            files = {size: kept.read(length) for size, length in said["files"]}
        return Image(said["width"], said["height"], said["media_type"], files)

    def _run(self, given: IO[bytes], kept: IO[bytes]) -> None:
        """Run the process to its end. Raises Invalid where the image ended it."""
        if self._ended.is_set():
            raise Unavailable("The server is ending")
        command = [sys.executable, "-P", str(_PROCESS), str(self._most_pixels), *THUMBNAILS]
        process = subprocess.Popen(command, stdin=given, stdout=kept, stderr=subprocess.PIPE)
        self._processes.add(process)
        if self._ended.is_set():  # in between, by the loop's thread
            process.kill()
        try:
            _, problem = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            raise _invalid("The image takes too long to read", "takes too long") from None
        finally:
            self._processes.discard(process)
            process.kill()
            process.communicate()
        if process.returncode < 0:
            if self._ended.is_set():
                raise Unavailable("The server is ending")
            log.warning("an image ended its process with the signal %d", -process.returncode)
            raise _invalid("The image cannot be read", "cannot be read")
        if process.returncode > 0:
            raise RuntimeError(f"No image can be read: {problem.decode(errors='replace')}")


def _looks_like_an_image(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is taken, whatever it is called."""
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))


def _invalid(detail: str, problem: str) -> Invalid:
    return Invalid(detail, [FieldError("file", problem)])
