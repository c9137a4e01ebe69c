"""One invocation of safe scale-in for Alibaba Cloud Auto Scaling (ESS), stage by stage.

1. `index.handler` gets event bytes and a context from Function Compute; `settings` reads environment and context.
2. `intake` turns bytes into a message, `contract` checks it against its schema: a `RemovalRequest`, or a rejection.
3. `ess.EssGateway.snapshot` asks ESS for the group, its instances and, where the policy needs it, its history (and
   `monitor` CloudMonitor): a `Snapshot`.
4. `planning.plan_removal` decides, touching nothing: whether anyone may leave and how much (`guardrails`), and who
   leaves before whom (`departures`): a `Plan`, one verdict for each instance.
5. `ess.EssGateway.remove` carries the plan out, twenty at a time, with ClientTokens that depend on the message alone.
6. What one invocation cannot finish, `follow_up` has this function called again for; `progress` is what travels.
7. `ending` judges how it ended, `outcome` words it, `audit` writes it as one log line, and `index.handler` returns it.

`scale_in.ScaleIn` joins 3 to 5 and 7, and `turn.Turn` sees to it that a message acts once (`ledger`). What a change
costs: a new sender touches `intake` and a schema, a new departure order `model.Order` and `departures`, a new guardrail
`guardrails` and `policy`, a new ESS fact `ess_replies` and `model`, and nothing else.
"""
