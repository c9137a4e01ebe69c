"""The operators' command line. `.venv/bin/scalein --help`."""
