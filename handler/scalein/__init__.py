"""Safe scale-in for Alibaba Cloud Auto Scaling (ESS). One invocation, stage by stage:

1. `index.handler` gets event bytes and a context from Function Compute. `settings` reads the
   environment, `policy` the operator's policy, and `wiring` makes the objects that are needed.
2. `intake` turns the bytes into messages: `envelopes` unwraps them, `dialects` parses them, and
   `contract` checks each against its JSON Schema. `processing.batch` makes a RemovalRequest of
   each, or rejects or ignores it.
3. `processing.once` claims the message and leases its scaling group in the `ledger`, so that a
   message acts at most once and messages of a group act one after the other.
4. `processing.removal` gathers, decides and acts:
   gather: `cloud.ess` reads a Snapshot of the group (and `cloud.metrics` CloudMonitor);
   decide: `decision.planner` makes a Plan of it, with one Verdict for each instance, and touches
   nothing: `guardrails` says how many may be removed, `removal_order` which come first;
   act: `processing.journal` records the intent and schedules a follow-up, then
   `processing.calls` calls RemoveInstances through `cloud.ess`, twenty instances at a time.
5. `processing.unconfirmed` learns what became of a call whose answer was lost;
   `decision.result` judges how the scaling activities ended.
6. `report.wording` makes the outcome, with a sentence for a person, `report.audit` writes
   one line, and `report.response` is what `index.handler` returns.

If one invocation cannot finish a message, `processing.follow_ups` schedules another one, with the
`decision.progress` of the message in its event (docs/decisions/0008-one-effect.md).
"""
