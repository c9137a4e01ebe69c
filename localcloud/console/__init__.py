"""The console: what a person sees at the port's root, and may change there.

`admin` has its routes, in five parts: `pages` (files, and the stream of changes), `controls`
(clock, faults, state), `operations` (actions of the API, metrics, alarms), `queue_routes` (queues,
topics, triggers) and `events` (what is fired).
`history` records what happens, in the `log` too, and `newest` keeps what is read on request;
`document` is all that the page shows, made of `rows`, `queue_rows` and `function_rows`, and what
has changed in it. `places` says which account and region is meant. `page/` is what a browser gets;
`app.js` begins there. `event_times` makes old events current, `event_library` reads and groups
them. `bodies` reads requests.
"""
