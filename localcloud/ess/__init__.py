"""Auto Scaling itself.

`actions` has the API, one module for each thing that the actions are about; `catalogue` finds an
action and performs it. An action declares what it takes (`parameters`), shares what actions do
alike (`requests`), and answers flat (`views`).

`state` is all that Auto Scaling remembers, in the records of `model` and `resources`. What follows
from the instances of a group (`members`) is made once, and again after a change. `service`
brings it up to the clock: `activity_lifecycle` (an activity from stage to stage), `capacity`,
`scaling_rules` and `selection` (larger and smaller), `reconciler` (what ESS does by itself).
"""
