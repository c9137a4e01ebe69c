"""The actions of Auto Scaling, one module for each thing that they are about.

Each module declares its actions in `ACTIONS`: what each takes, what it does, and what is missing.
"""
