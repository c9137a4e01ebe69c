"""The console: what a person sees at the port's root, and may change there.

`admin` has its routes, in three parts: `pages` (files, and the stream of changes), `controls` (what
it changes) and `events` (what it fires). `history` records what happens, in the `log` too;
`document` is all that the page shows, made of `rows`, and what changed in it since. `page/` is what
a browser gets. `event_times` makes old events current, `event_library` reads and groups them.
"""
