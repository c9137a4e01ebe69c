"""The console: what a person sees at the port's root, and may change there.

`admin` has its routes, `history` what it shows, `event_times` makes old events current.
"""
