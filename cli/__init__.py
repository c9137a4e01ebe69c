"""The operators' command line. `python -m cli --help`."""
