"""CloudMonitor, as far as choosing instances needs it, API 2019-01-01: `describe` (actions), `series` (values)."""
