"""The process that reads one image: the file on stdin, what is kept of it on stdout.

It runs apart because a decoder is the likeliest place to be hurt by a hostile file, and because
Pillow holds the interpreter lock for 100 ms and more in its WebP codec. So it is started by its
path, and imports nothing of Ripplecut.

The answer is a line of JSON, then the bytes of each size in the order of ``files``. An image that
is refused answers ``{"code", "detail"}`` alone.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import warnings
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import GifImagePlugin, Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
PLUGINS = (PngImagePlugin, JpegImagePlugin, WebPImagePlugin, GifImagePlugin)
LONGEST_SIDE = 16_383  # WebP's own limit
QUALITY = 88
LARGE = 8_000_000
"""From so many pixels on, WebP takes up to minutes, or gives up: JPEG takes a second at most."""

CPU_SECONDS = 60
NICENESS = 10
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Refused(Exception):
    """This image cannot be taken: a code of ours, and why in words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def prepare(
    data: BinaryIO, most_pixels: int, widths: list[int]
) -> tuple[dict[str, Any], list[bytes]]:
    """What is kept of an image: its first frame, upright, in sRGB, without metadata. Raises
    Refused.
    """
    opened = open_checked(data, most_pixels)
    try:
        opened.load()
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds for what it cannot decode
        raise Refused("invalid", f"The image is damaged or cut off: {error}") from error
    turn = UPRIGHT.get(orientation_of(opened))
    image = in_srgb(opened)
    if turn is not None:
        image = image.transpose(turn)
    format_ = "WEBP"
    if image.width * image.height > LARGE:
        if image.mode == "RGBA":  # which JPEG cannot be
            image = narrowed(image, math.isqrt(LARGE * image.width // image.height))
        else:
            format_ = "JPEG"
    files = {f"{width}": encoded(narrowed(image, width), format_) for width in widths}
    files["full"] = encoded(image, format_)
    said = {
        "width": image.width,
        "height": image.height,
        "media_type": f"image/{format_.lower()}",
        "files": [[size, len(content)] for size, content in files.items()],
    }
    return said, list(files.values())


def open_checked(data: BinaryIO, most_pixels: int) -> Image.Image:
    """The image with its header read and nothing decoded. Raises Refused."""
    Image.MAX_IMAGE_PIXELS = None  # checked here, with an error of ours
    try:
        opened = Image.open(data, formats=FORMATS)
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("invalid", "This is no PNG, JPEG, WebP or GIF that can be read") from error
    width, height = opened.size
    if width * height > most_pixels:
        megapixels = f"{most_pixels / 1_000_000:g}"
        raise Refused(
            "too_large", f"The image has {width} × {height} pixels; {megapixels} megapixels go in"
        )
    if max(width, height) > LONGEST_SIDE:
        raise Refused(
            "too_large",
            f"The image has {width} × {height} pixels; a side can have {LONGEST_SIDE:,}",
        )
    return opened


def orientation_of(image: Image.Image) -> int:
    """How the camera was held; upright where its EXIF cannot be read."""
    with suppress(Exception):
        return int(image.getexif().get(ORIENTATION, 1))
    return 1


def in_srgb(image: Image.Image) -> Image.Image:
    """The image as RGB or RGBA of 8 bits in sRGB; without a usable profile it is taken for that."""
    profile = image.info.get("icc_profile")
    has_alpha = image.has_transparency_data
    if image.mode.startswith("I"):
        image = in_8_bits(image)
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGBA" if has_alpha else "RGB")
    if profile:
        # A profile that cannot be read, or is one of another kind of image, says nothing.
        with suppress(ImageCms.PyCMSError, OSError):
            made = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if image.mode == "RGBA" else "RGB",
            )
            image = made or image
    image = image.convert("RGBA" if has_alpha else "RGB")
    image.info = {}
    return image


def in_8_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits, scaled: Pillow by itself would cut off all above 255."""
    return image.convert("I").point(lambda value: value / 257).convert("L")


def narrowed(image: Image.Image, width: int) -> Image.Image:
    """The image at a width; one that is narrower already stays as it is."""
    if image.width <= width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def encoded(image: Image.Image, format_: str) -> bytes:
    """The image and nothing else: its metadata and its profile are gone by now."""
    out = io.BytesIO()
    image.save(out, format_, quality=QUALITY)
    return out.getvalue()


def bound(most_pixels: int) -> None:
    """Take no more of the machine than an honest image needs, and go behind the server."""
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        import resource
    except ImportError:
        return
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, (1 << 30) + 32 * most_pixels),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))


def main(most_pixels: int, widths: list[int]) -> None:
    warnings.simplefilter("ignore")
    bound(most_pixels)
    files: list[bytes] = []
    try:
        said, files = prepare(io.BytesIO(sys.stdin.buffer.read()), most_pixels, widths)
    except Refused as refused:
        said = {"code": refused.code, "detail": refused.detail}
    except MemoryError:
        said = {"code": "too_large", "detail": "The image needs more memory than it may have"}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + b"".join(files))


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(width) for width in sys.argv[2:]])
