"""CloudMonitor, API 2019-01-01: `describe` (actions) and `series` (values of metrics)."""
