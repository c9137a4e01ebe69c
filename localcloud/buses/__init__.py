"""EventBridge, API 2020-04-01: event buses, and rules that take events from them to targets.

`model` has buses, rules and deliveries, `events` the form of an event, `transform` what a target
gets of it, `delivery` takes events to targets, `actions` are the API, and `control` is a route of
the local cloud's own: it puts an event of a cloud product on the default bus.
"""
