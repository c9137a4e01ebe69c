"""Auto Scaling itself: `model` (groups, instances, activities), `rules` (what is refused), `service` (state over time),
`describe` and `remove` (the actions, from parameters to reply), `parameters` (reading them).
"""
