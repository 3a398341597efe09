"""What comes in as an image, and what of it is kept."""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from protocol.errors import Invalid, RateLimited, TooLarge, Unavailable
from server.domain.pictures import FULL, Image
from server.formats import images
from server.formats.images import Images
from tests.formats.images import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    bomb,
    bulging_gif,
    decode,
    drawn,
    encode,
    photograph,
    picture,
)


async def read(data: bytes) -> Image:
    return await Images().read(data)


def near(image: Pillow.Image, at: tuple[int, int], colour: tuple[int, ...]) -> bool:
    found: Any = image.convert("RGB").getpixel(at)
    return all(abs(one - other) < 25 for one, other in zip(found, colour, strict=True))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_every_format_is_kept_as_webp_in_three_sizes(format_: str) -> None:
    kept = await read(picture(format_=format_))
    assert (kept.width, kept.height, kept.media_type) == (800, 500, "image/webp")
    sizes = {size: decode(data).size for size, data in kept.files.items()}
    assert sizes == {"320": (320, 200), "640": (640, 400), "full": (800, 500)}
    for data in kept.files.values():
        image = decode(data)
        assert (image.format, image.mode) == ("WEBP", "RGB")
        width, height = image.size
        assert near(image, (width // 4, height // 4), GREEN)
        assert near(image, (width * 3 // 4, height // 4), RED)
        assert near(image, (width * 3 // 4, height * 3 // 4), BLUE)


async def test_the_same_image_gives_the_same_bytes() -> None:
    assert await read(picture()) == await read(picture())


@pytest.mark.parametrize(("size", "kept"), [((100, 60), (100, 60)), ((700, 1), (320, 1))])
async def test_a_thumbnail_is_never_larger_and_never_nothing(
    size: tuple[int, int], kept: tuple[int, int]
) -> None:
    found = await read(picture(*size))
    assert decode(found.files["320"]).size == kept


async def test_what_is_large_is_kept_as_jpeg_unless_it_is_seen_through() -> None:
    large = drawn(4000, 2500)
    kept = await read(encode(large, "JPEG"))
    assert (kept.width, kept.height, kept.media_type) == (4000, 2500, "image/jpeg")
    for size, width in (("320", 320), ("640", 640), ("full", 4000)):
        image = decode(kept.files[size])
        assert (image.format, image.width) == ("JPEG", width)
        assert not {"exif", "icc_profile", "comment"} & image.info.keys()
    large.putalpha(Pillow.linear_gradient("L").resize(large.size))
    kept = await read(encode(large, "PNG", compress_level=1))
    assert (kept.media_type, decode(kept.files[FULL]).mode) == ("image/webp", "RGBA")
    assert 7_900_000 < kept.width * kept.height <= 8_000_000
    assert abs(kept.width / kept.height - 1.6) < 0.001


# -- orientation and metadata ----------------------------------------------------------------------

CORNER = {1: GREEN, 2: RED, 3: BLUE, 4: WHITE, 5: GREEN, 6: WHITE, 7: BLUE, 8: RED}


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photograph_stands_upright_and_says_nothing_of_its_maker(orientation: int) -> None:
    given = photograph(orientation)
    assert b"secret" in given
    kept = await read(given)
    lies = orientation >= 5
    assert (kept.width, kept.height) == ((500, 800) if lies else (800, 500))
    image = decode(kept.files[FULL])
    assert near(image, (kept.width // 4, kept.height // 4), CORNER[orientation])
    for data in kept.files.values():
        assert not {b"EXIF", b"XMP ", b"ICCP"} & {data[at : at + 4] for at in range(len(data))}
        assert not decode(data).getexif()


async def test_colours_of_another_space_are_brought_to_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    twisted = _swapping_profile(lab.tobytes())
    kept = await read(encode(drawn(), "PNG", icc_profile=twisted))
    assert near(decode(kept.files[FULL]), (600, 100), (RED[2], RED[1], RED[0]))


def _swapping_profile(profile: bytes) -> bytes:
    """A profile in which red is called blue and blue red."""
    swap = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    count = int.from_bytes(profile[128:132], "big")
    out = bytearray(profile)
    for at in range(132, 132 + 12 * count, 12):
        name = bytes(out[at : at + 4])
        out[at : at + 4] = swap.get(name, name)
    return bytes(out)


async def test_a_profile_that_is_none_is_left_out() -> None:
    kept = await read(encode(drawn(), "PNG", icc_profile=b"not a profile" * 20))
    assert near(decode(kept.files[FULL]), (600, 100), RED)


# -- what Pillow calls modes -----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
async def test_every_kind_of_pixel_becomes_eight_bits(mode: str) -> None:
    image = Pillow.new("I;16", (400, 4)) if mode == "I;16" else drawn().convert(mode)
    if mode == "I;16":
        image.putdata([at * 160 for at in range(400)] * 4)
    kept = await read(encode(image, "JPEG" if mode == "CMYK" else "PNG"))
    full = decode(kept.files[FULL])
    assert full.mode == "RGB"
    if mode == "I;16":
        assert near(full, (200, 0), (125, 125, 125))
    if mode in ("P", "RGBA", "CMYK"):
        assert near(full, (600, 100), RED)


async def test_what_is_seen_through_stays_so() -> None:
    image = drawn(mode="RGBA")
    image.putalpha(Pillow.linear_gradient("L").resize(image.size))
    full = decode((await read(encode(image))).files[FULL])
    assert full.mode == "RGBA"
    assert full.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
async def test_of_what_moves_the_first_frame_is_kept(format_: str) -> None:
    frames = [Pillow.new("RGB", (64, 64), colour) for colour in (GREEN, RED, BLUE)]
    data = encode(frames[0], format_, save_all=True, append_images=frames[1:], duration=100)
    full = decode((await read(data)).files[FULL])
    assert getattr(full, "n_frames", 1) == 1
    assert near(full, (30, 30), GREEN)


# -- refusals --------------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NO_IMAGES = {
    "nothing": b"",
    "svg": SVG,
    "svg with a declaration": b'<?xml version="1.0"?>' + SVG,
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7",
    "bmp": encode(drawn(), "BMP"),
    "tiff": encode(drawn(), "TIFF"),
    "ico": encode(drawn(), "ICO"),
    "a sound": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "html behind a signature": b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
    "a jpeg that ends at once": b"\xff\xd8\xff\xe0",
    "a gif that ends at once": b"GIF89a",
}


@pytest.mark.parametrize("data", NO_IMAGES.values(), ids=NO_IMAGES)
async def test_what_is_no_image_is_invalid(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        await read(data)
    assert refused.value.errors[0].field == "file"


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("part", [0.2, 0.9])
async def test_what_is_cut_off_is_invalid(format_: str, part: float) -> None:
    whole = encode(Pillow.effect_noise((400, 300), 60).convert("RGB"), format_)
    with pytest.raises(Invalid):
        await read(whole[: int(len(whole) * part)])


async def test_a_bomb_is_refused_by_what_it_says() -> None:
    for data in (bomb(), bomb(2**31 - 1, 2**31 - 1), bulging_gif()):
        with pytest.raises(TooLarge, match="megapixels"):
            await read(data)
    with pytest.raises(TooLarge, match="a side"):
        await read(bomb(20_000, 2))


async def test_how_many_pixels_go_in_is_a_setting() -> None:
    with pytest.raises(TooLarge, match=r"800 × 500 pixels; 0\.3 megapixels"):
        await Images(300_000).read(picture())
    assert (await Images(400_000).read(picture())).width == 800


# -- the processes ---------------------------------------------------------------------------------


async def test_a_decoder_that_crashes_hurts_its_image_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setattr(images, "_PROCESS", crash)
    with pytest.raises(Invalid, match="cannot be read"):
        await read(picture())
    assert "signal 11" in caplog.text


async def test_a_process_that_cannot_work_is_our_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import a_module_that_is_not_there")
    monkeypatch.setattr(images, "_PROCESS", broken)
    with pytest.raises(RuntimeError, match="a_module_that_is_not_there"):
        await read(picture())


async def test_a_process_that_does_not_end_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    endless = tmp_path / "endless.py"
    endless.write_text("while True: pass")
    monkeypatch.setattr(images, "_PROCESS", endless)
    monkeypatch.setattr(images, "_SECONDS", 0.2)
    with pytest.raises(Invalid, match="too long"):
        await read(picture())


async def test_a_server_that_ends_waits_for_no_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    started, endless = tmp_path / "started", tmp_path / "endless.py"
    os.mkfifo(started)
    endless.write_text(f"open({str(started)!r}, 'w').close()\nwhile True: pass")
    monkeypatch.setattr(images, "_PROCESS", endless)
    reader = Images()
    reading = asyncio.ensure_future(reader.read(picture()))
    await asyncio.to_thread(started.read_bytes)
    reader.close()
    with pytest.raises(Unavailable):
        await reading
    with pytest.raises(Unavailable):
        await reader.read(picture())


async def test_two_are_read_at_once_a_few_wait_and_the_rest_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, most = 0, 0
    go_on = asyncio.Event()

    async def slow(*_: object) -> Image:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        return Image(1, 1, "image/webp", {})

    monkeypatch.setattr(asyncio, "to_thread", slow)
    reader, data = Images(), picture(8, 8)
    tasks = [asyncio.ensure_future(reader.read(data)) for _ in range(18)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await reader.read(data)
    go_on.set()
    await asyncio.gather(*tasks)
    assert most == 2
    await reader.read(data)


def test_images_for_tests_are_what_they_say() -> None:
    assert Pillow.open(io.BytesIO(photograph(6))).getexif()[0x0112] == 6
