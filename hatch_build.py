"""Hatch's build hook: the page is built before a wheel or an editable install is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Hatch loads this file by its path: the project's own modules are not importable by themselves.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from static.page import (
    NODE_WANTED,
    NODE_WHEEL,
    Page,
    PageError,
    machine_toolchain,
    wheel_toolchain,
)


class PageBuildHook(BuildHookInterface[BuilderConfig]):
    """Builds `static/` into `server/web/page/`, unless that is current."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """The wheel that carries a Node, where the page needs building and the machine has none."""
        if Page(Path(self.root)).is_current() or machine_toolchain() is not None:
            return []
        return [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page; ends the whole build with a readable message where that fails."""
        page = Page(Path(self.root))
        if page.is_current():
            return
        toolchain = machine_toolchain() or wheel_toolchain()
        if toolchain is None:
            self.app.abort(f"The page needs Node ({NODE_WANTED}) with npm, or {NODE_WHEEL}.")
            return
        self.app.display_waiting("Building the page …")
        try:
            page.build(toolchain)
        except PageError as error:
            self.app.abort(str(error))
