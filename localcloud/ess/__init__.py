"""Auto Scaling itself.

`catalogue` has all actions, by modules: groups, configurations, members, remove, scaling, activities, hooks, alarms,
schedule, notifications, tags, balancers, general. Each declares what it takes (`parameters`), and answers flat
(`views`). State is in `model` and `resources`; `service` keeps it and brings it up to the clock: `stages` (an activity
on its way), `capacity`, `executing` and `choosing` (larger and smaller), `living` (what ESS does by itself).
"""
