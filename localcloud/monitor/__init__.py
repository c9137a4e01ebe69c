"""CloudMonitor, API 2019-01-01: `describe` and `rules` (actions), `series` (values of metrics),
`rule` and `alerts` (alert rules, and what they send)."""
