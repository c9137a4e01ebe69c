"""CloudMonitor, as far as choosing instances needs it: the newest value of a metric, API 2019-01-01."""
