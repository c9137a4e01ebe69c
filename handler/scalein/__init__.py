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

`removal.RemovalRun` joins 3 to 5 and 7: `calls` makes each call, `journal` records it before and
after, `evidence` says what a reply proves of a call whose answer was lost. `once.MessageProcessor`
processes a message at most once (`ledger`), and `serving.Invocation` all messages of an event.

What a change costs: a new sender touches `intake` and a schema, a new removal order `model.Order`
and `departures`, a new guardrail `guardrails` and `policy`, a new fact of ESS `ess_replies` and
`model`, and nothing else.
"""
