"""``python -m server`` is ``ripplecut``."""

from server.cli import main

main()
