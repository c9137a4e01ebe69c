"""CloudMonitor, API 2019-01-01: `describe`, `rules` and `event_rules` (actions), `series` (values
of metrics), `rule`, `alerts` and `system_events` (rules, and what they send)."""
