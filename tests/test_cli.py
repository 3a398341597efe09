"""The program itself: serving, files in and out, tokens, verifying.

Servers are processes. Commands that end run their entry point here, as a start-up takes a second;
``test_the_program_is_a_process_too`` keeps the two ways equal.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest

from server.cli import main
from server.config import Settings, SettingsError
from tests.formats.images import picture

FILE = {
    "characters": [{"id": "mara", "name": "Mara", "description": "Grey coat"}],
    "wardrobes": [{"id": "coat", "name": "Coat", "worn_by": "mara"}],
    "sequences": [{"sequence_id": "sq1", "name": "One"}],
    "shots": [
        {
            "shot_id": f"sh{number:03}",
            "sequence_id": "sq1",
            "visual_prompt": {
                "character_references": [{"asset_id": "mara"}],
                "prop_references": [],
                "wardrobe_references": [{"asset_id": "coat"}],
            },
        }
        for number in (10, 20, 30)
    ],
}


def environment(**more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RIPPLECUT_")}
    return clean | more


def ripplecut(*arguments: str | Path, data: Path, code: int = 0, **env: str) -> tuple[str, str]:
    """Run a command's entry point to its end; answers what it wrote to its two outputs."""
    line = ["ripplecut", *map(str, arguments), "--data", str(data)]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.object(sys, "argv", line),
        mock.patch.dict(os.environ, environment(**env), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main()
    texts = [one.buffer.getvalue().decode() for one in (out, err)]
    assert (left.value.code or 0) == code, (left.value.code, texts)
    return texts[0], texts[1]


def process(*arguments: str | Path, data: Path, code: int = 0, **env: str) -> tuple[str, str]:
    """Run the program as a process to its end; answers what it wrote to its two outputs."""
    done = subprocess.run(
        [sys.executable, "-m", "server", *map(str, arguments), "--data", str(data)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(**env),
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@contextmanager
def serving(data: Path, *arguments: str, **env: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server on a free port; gives the URL that it printed."""
    server = subprocess.Popen(
        [sys.executable, "-m", "server", "serve", "--port", "0", "--data", str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**env),
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, (line, server.poll())
        yield found[0], server
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=20)
        assert (server.returncode, out) == (0, ""), (out, err)
        assert "Traceback" not in err
    finally:
        if server.poll() is None:
            server.kill()
            server.communicate()


def ask(url: str, token: str | None = None, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    data = body
    if isinstance(body, bytes):
        headers["content-type"] = "image/png"
    elif body is not None:
        data = orjson.dumps(body)
    request = urllib.request.Request(url, data, headers)  # noqa: S310
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as response:
        return orjson.loads(response.read())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "film.json"
    path.write_bytes(orjson.dumps(FILE))
    return path


def test_a_server_prints_one_line_and_ends_cleanly(data: Path) -> None:
    with serving(data) as (url, server):
        base = url.partition("/login")[0]
        assert ask(f"{base}/readyz") == {"status": "ready"}
        token = url.partition("token=")[2]
        assert ask(f"{base}/api/v1/me", token)["role"] == "owner"
        admin = data / "admin.token"
        assert stat.S_IMODE(admin.stat().st_mode) == 0o600
        assert ask(f"{base}/api/v1/me", admin.read_text().strip())["role"] == "owner"
        known = orjson.loads((data / "server.json").read_bytes())
        assert known == {"url": base, "pid": server.pid}
    assert not (data / "server.json").exists()
    with serving(data) as (url, _):
        base = url.partition("/login")[0]
        assert ask(f"{base}/api/v1/me", token)["role"] == "owner"


def test_ctrl_c_ends_a_server_with_a_fixed_administrator_token(data: Path) -> None:
    with serving(data, RIPPLECUT_ADMIN_TOKEN="fixed") as (url, server):
        base = url.partition("/login")[0]
        assert ask(f"{base}/api/v1/me", "fixed")["role"] == "owner"
        assert not (data / "admin.token").exists()
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
        assert server.returncode == 0
        return


def test_two_servers_never_share_a_folder_or_a_port(data: Path, tmp_path: Path) -> None:
    with serving(data) as (url, _):
        base = url.partition("/login")[0]
        _, said = process("serve", "--port", "0", data=data, code=1)
        assert "in use" in said
        assert base in said
        port = base.rpartition(":")[2]
        _, said = process("serve", "--port", port, data=tmp_path / "other", code=1)
        assert port in said
        assert "--port" in said


def test_the_program_is_a_process_too(data: Path, file: Path) -> None:
    done = process("import", file, "--project", "film", data=data)
    assert done == ("6 created, 0 updated, 0 unchanged\n", "")
    told = [run("verify", data=data) for run in (process, ripplecut)]
    assert told[0] == told[1]
    refused = [run("token", "--user", " ", data=data, code=2) for run in (process, ripplecut)]
    assert "must not be empty" in refused[0][1]
    assert "must not be empty" in refused[1][1]


def test_a_file_goes_in_and_comes_out(data: Path, file: Path, tmp_path: Path) -> None:
    out, _ = ripplecut("import", file, "--project", "film", "--dry-run", data=data)
    assert out == "Would be: 6 created, 0 updated, 0 unchanged\n"
    out, _ = ripplecut("import", file, "--project", "film", data=data)
    assert out == "6 created, 0 updated, 0 unchanged\n"
    out, _ = ripplecut("import", file, "--project", "film", data=data)
    assert out == "0 created, 0 updated, 6 unchanged\n"
    written = tmp_path / "out.json"
    ripplecut("export", "--project", "film", "--format", "json", "--out", written, data=data)
    printed, _ = ripplecut("export", "--project", "film", "--format", "json", data=data)
    assert printed == written.read_text()
    other = tmp_path / "other"
    ripplecut("import", written, "--project", "film", data=other)
    again, _ = ripplecut("export", "--project", "film", "--format", "json", data=other)
    assert again == printed


def test_files_go_through_a_running_server(data: Path, file: Path) -> None:
    with serving(data, RIPPLECUT_ADMIN_TOKEN="not known to the command") as (url, _):
        out, _ = ripplecut("import", file, "--project", "film", "--dry-run", data=data)
        assert out == "Would be: 6 created, 0 updated, 0 unchanged\n"
        out, _ = ripplecut("import", file, "--project", "film", data=data)
        assert out == "6 created, 0 updated, 0 unchanged\n"
        base, token = url.split("/login?token=")
        found = ask(f"{base}/api/v1/projects/film/entities?kind=shot", token)
        assert len(found["items"]) == 3
        live, _ = ripplecut("export", "--project", "film", "--format", "json", data=data)
        ripplecut("verify", data=data)
        _, said = ripplecut("export", "--project", "x", "--format", "json", data=data, code=1)
        assert "no project" in said
    after, _ = ripplecut("export", "--project", "film", "--format", "json", data=data)
    assert live == after


def test_what_cannot_be_imported_is_said(data: Path, tmp_path: Path) -> None:
    _, said = ripplecut("import", tmp_path / "none", "--project", "film", data=data, code=1)
    assert "Cannot read" in said
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    _, said = ripplecut("import", bad, "--project", "film", data=data, code=1)
    assert "JSON" in said
    bad.write_text('{"shots": 5}')
    _, said = ripplecut("import", bad, "--project", "film", data=data, code=1)
    assert "shots" in said


SCRIPT = """\
Title: The Quay

INT. SHED - DAY

MARA
Who left the lamp?

EXT. QUAY - NIGHT

Rain on tar.
"""


def test_a_screenplay_is_told_on_the_terminal(data: Path, tmp_path: Path) -> None:
    script = tmp_path / "quay.fountain"
    script.write_text(SCRIPT)
    line = ("import", script, "--project", "quay")
    out, said = ripplecut(*line, "--dry-run", data=data)
    assert out.endswith("Would be: 5 created, 0 updated, 0 unchanged\n")
    assert said == ""
    out, _ = ripplecut(*line, data=data)
    assert "Scenes added (2)\n  1 INT. SHED - DAY (scene-001)\n" in out
    assert "People added (1)\n  Mara (char-mara)\n" in out
    plain = tmp_path / "quay"
    plain.write_text(SCRIPT.replace("EXT. QUAY", "INT. CELLAR - DAY\n\nDrip.\n\nEXT. QUAY"))
    with serving(data) as (_, _server):
        live, _ = ripplecut("import", plain, "--project", "quay", "--dry-run", data=data)
        assert "Scenes added (1)\n  2 INT. CELLAR - DAY (scene-003)\n" in live
        out, _ = ripplecut("import", plain, "--project", "quay", data=data)
        assert out == live.replace("Would be: ", "")
        plain.write_bytes(b"\xff")
        _, said = ripplecut("import", plain, "--project", "new", data=data, code=1)
        assert "line 1: is not UTF-8" in said
        _, said = ripplecut("export", "--project", "new", "--format", "json", data=data, code=1)
        assert "no project" in said
    _, said = ripplecut("import", plain, "--project", "new", data=data, code=1)
    assert "line 1" in said
    out, _ = ripplecut("verify", data=data)
    assert out.splitlines() == ["quay: 8 versions, intact"]


def test_a_token_is_printed_and_good(data: Path, file: Path) -> None:
    ripplecut("import", file, "--project", "film", data=data)
    with serving(data) as (url, _):
        base = url.partition("/login")[0]
        viewer, _ = ripplecut(
            "token", "--user", "Ida", "--project", "film", "--role", "viewer", data=data
        )
        me = ask(f"{base}/api/v1/me", viewer.strip())
        assert (me["user"], me["role"], me["project_id"]) == ("Ida", "viewer", "film")
        body = {"change_data": {"age": 1}}
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask(f"{base}/api/v1/assets/mara/propagate", viewer.strip(), body)
    database = (data / "ripplecut.db").read_bytes()
    assert viewer.strip().encode() not in database
    _, said = ripplecut("token", "--user", "Ida", "--project", "none", data=data, code=1)
    assert "none" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "x"],
        ["serve", "--port", "99999"],
        ["serve", "--database", "postgresql://x"],
        ["serve", "--log-level", "loud"],
        ["token"],
        ["token", "--user", "a", "--role", "god"],
        ["token", "--user", "a", "--expires", "soon"],
        ["token", "--user", " "],
        ["export", "--project", "film", "--format", "otio"],
        ["export", "--project", "film"],
        ["import", "x", "--project", "film", "--format", "fdx"],
        ["import", "x"],
        ["backup", "x"],
    ],
)
def test_wrong_usage(data: Path, arguments: list[str]) -> None:
    ripplecut(*arguments, data=data, code=2)
    assert not (data / "ripplecut.db").exists()


def test_a_wrong_setting_is_wrong_usage(data: Path) -> None:
    _, said = ripplecut("serve", data=data, code=2, RIPPLECUT_PORT="many")
    assert "RIPPLECUT_PORT" in said


def test_every_setting_is_an_environment_variable() -> None:
    read = Settings.read(
        {
            "RIPPLECUT_PORT": "8601",
            "RIPPLECUT_DATA": "/x",
            "RIPPLECUT_DEMO": "yes",
            "RIPPLECUT_ALLOWED_ORIGINS": "https://a.example/, https://b.example",
            "RIPPLECUT_LOGIN_VALID": "60",
            "RIPPLECUT_HOST": "",
        },
        port=8602,
        host=None,
    )
    assert read == Settings(
        port=8602,
        data=Path("/x"),
        demo=True,
        allowed_origins=("https://a.example", "https://b.example"),
        login_valid=60.0,
    )
    for bad in ({"RIPPLECUT_DEMO": "perhaps"}, {"RIPPLECUT_LOG_LEVEL": "loud"}):
        with pytest.raises(SettingsError):
            Settings.read(bad)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which something has happened."""
    folder = tmp_path_factory.mktemp("used")
    file = folder / "film.json"
    file.write_bytes(orjson.dumps(FILE))
    data = folder / "data"
    ripplecut("import", file, "--project", "film", data=data)
    with serving(data) as (url, _):
        base, token = url.split("/login?token=")
        body = {"change_data": {"description": "Red coat"}}
        assert ask(f"{base}/api/v1/assets/mara/propagate", token, body)["counts"]["updated"] == 5
        ask(f"{base}/api/v1/assets/sh010/propagate", token, {"change_data": {"duration": 2}})
        ask(f"{base}/api/v1/projects/film/entities/sh010/pictures", token, picture())
    return data


def test_an_intact_store_is_intact(used: Path) -> None:
    out, _ = ripplecut("verify", data=used)
    assert "intact" in out


TAMPERED = {
    "audit": ("UPDATE audit SET actor = 'somebody else' WHERE number = 2", "audit entry 2"),
    "audit gone": ("DELETE FROM audit WHERE number = 2", "audit entry 2 is missing"),
    "version": (
        "UPDATE versions SET fields = replace(fields, 'Red', 'Blue') WHERE entity_id = 'mara'",
        "version mara_v2",
    ),
    "version gone": (
        "DELETE FROM versions WHERE entity_id = 'mara' AND number = 1",
        "versions [1] of 'mara'",
    ),
    "events": ("DELETE FROM events WHERE seq = 3", "event"),
    "pointer": (
        "UPDATE pointers SET version = 1 WHERE number = "
        "(SELECT number FROM refs WHERE target = 'sh010' AND source = 'mara')",
        "'sh010': its hashes",
    ),
    "digest": ("UPDATE looks SET hash = visual_hash WHERE id = 'sh020'", "'sh020': its hashes"),
    "picture": ("UPDATE blobs SET data = zeroblob(9)", "were changed"),
    "picture gone": ("DELETE FROM blobs", "are missing"),
    "outcomes": (
        "UPDATE findings SET reason = 'because' WHERE number IN "
        "(SELECT finding FROM outcomes WHERE entity_id = 'sh010')",
        "outcomes of",
    ),
}


@pytest.mark.parametrize(("statement", "named"), TAMPERED.values(), ids=TAMPERED)
def test_a_store_that_was_tampered_with_is_not_intact(
    used: Path, data: Path, statement: str, named: str
) -> None:
    shutil.copytree(used, data)
    with closing(sqlite3.connect(data / "ripplecut.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0
    _, said = ripplecut("verify", data=data, code=1)
    assert named in said


REPAIRED = ("pointer", "digest")


@pytest.mark.parametrize("what", REPAIRED)
@pytest.mark.parametrize("running", [False, True], ids=["at rest", "running"])
def test_what_can_be_worked_out_anew_is_repaired(
    used: Path, data: Path, what: str, running: bool
) -> None:
    shutil.copytree(used, data)

    def alter() -> None:
        with closing(sqlite3.connect(data / "ripplecut.db")) as connection, connection:
            assert connection.execute(TAMPERED[what][0]).rowcount > 0

    with serving(data) if running else nullcontext():
        alter()
        ripplecut("verify", data=data, code=1)
        out, _ = ripplecut("verify", "--repair", data=data)
        assert "film: repaired sh0" in out
        assert "intact" in out
    out, _ = ripplecut("verify", data=data)
    assert "intact" in out
    out, _ = ripplecut("verify", "--repair", data=data)
    assert "repaired" not in out


def test_what_only_a_backup_has_is_not_repaired(used: Path, data: Path) -> None:
    shutil.copytree(used, data)
    with closing(sqlite3.connect(data / "ripplecut.db")) as connection, connection:
        connection.execute(TAMPERED["version"][0])
    out, said = ripplecut("verify", "--repair", data=data, code=1)
    assert "a backup has the damaged version" in out
    assert "version mara_v2 was changed" in said


def test_without_a_store_there_is_nothing_to_verify(data: Path) -> None:
    _, said = ripplecut("verify", data=data, code=1)
    assert "no database" in said
