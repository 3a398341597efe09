"""The page's build does what is needed, and says why where it cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from static import page as module
from static.page import Page, PageError, Toolchain, is_new_enough

WORKING_NPM = """#!/bin/sh
echo "$1" >> calls
case "$1" in
  ci) mkdir -p node_modules ;;
  run) mkdir -p ../server/web/page && echo built > ../server/web/page/index.html ;;
esac
"""
FAILING_NPM = """#!/bin/sh
echo "no registry today"
exit 7
"""


@pytest.fixture
def page(tmp_path: Path) -> Page:
    source = tmp_path / "static"
    source.mkdir()
    for name in ("package.json", "package-lock.json", "index.html"):
        (source / name).write_text("{}")
    return Page(tmp_path)


def _npm(page: Page, script: str) -> Toolchain:
    path = page.root / "npm"
    path.write_text(script)
    path.chmod(0o755)
    return Toolchain("node", (str(path),))


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.19.0", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("", False),
        ("nightly", False),
    ],
)
def test_node_is_taken_where_vite_runs_on_it(version: str, enough: bool) -> None:
    assert is_new_enough(version) is enough


def test_building_makes_current_and_a_changed_source_does_not_stay_so(page: Page) -> None:
    assert not page.is_current()
    page.build(_npm(page, WORKING_NPM))
    (page.source / "calls").unlink()
    assert page.is_current()
    (page.source / "index.html").write_text("another")
    assert not page.is_current()


def test_what_is_installed_is_no_source(page: Page) -> None:
    before = page.fingerprint()
    (page.source / "node_modules").mkdir()
    (page.source / "node_modules" / "index.js").write_text("")
    assert page.fingerprint() == before


def test_moving_a_file_is_a_change(page: Page) -> None:
    before = page.fingerprint()
    (page.source / "index.html").rename(page.source / "other.html")
    assert page.fingerprint() != before


def test_packages_are_installed_again_only_for_another_lock_file(page: Page) -> None:
    toolchain = _npm(page, WORKING_NPM)
    page.install_modules(toolchain)
    page.install_modules(toolchain)
    (page.source / "package-lock.json").write_text("{ }")
    page.install_modules(toolchain)
    assert (page.source / "calls").read_text().split() == ["ci", "ci"]


def test_a_failing_npm_is_quoted_and_leaves_nothing_current(page: Page) -> None:
    with pytest.raises(PageError, match=r"(?s)no registry today.*npm ci.*exit code 7"):
        page.build(_npm(page, FAILING_NPM))
    assert not page.is_current()


def test_a_build_without_a_page_is_refused(page: Page) -> None:
    with pytest.raises(PageError, match=r"index\.html"):
        page.build(_npm(page, "#!/bin/sh\nmkdir -p node_modules\n"))


def test_a_missing_lock_file_is_named(page: Page) -> None:
    (page.source / "package-lock.json").unlink()
    with pytest.raises(PageError, match=r"static/package-lock\.json is missing"):
        page.install_modules(_npm(page, WORKING_NPM))


def test_without_node_there_is_no_machine_toolchain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.machine_toolchain() is None


def test_an_old_node_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.19.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.defpath]))
    assert module.machine_toolchain() is None


def test_scripts_find_the_node_that_runs_them(page: Page, tmp_path: Path) -> None:
    """A script that says `node` or `npm` gets the chosen ones, with nothing of the kind on PATH."""
    node = tmp_path / "node-24"
    node.write_text('#!/bin/sh\necho "24 runs $*"\n')
    node.chmod(0o755)
    cli = tmp_path / "npm-cli.js"
    with module._environment(Toolchain(str(node), (str(node), str(cli)))) as environment:
        for command, said in {"node x": "24 runs x", "npm run y": f"24 runs {cli} run y"}.items():
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout.strip() == said
