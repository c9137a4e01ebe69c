"""The console: what a person sees at the port's root, and may do there. It stands on `admin`'s routes."""
