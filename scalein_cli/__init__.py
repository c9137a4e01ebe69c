"""The operators' command line. `scalein --help`."""

from scalein_cli.resources import resource

__version__ = resource("VERSION").read_text(encoding="utf-8").strip()
