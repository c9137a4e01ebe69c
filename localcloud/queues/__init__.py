"""Queues that trigger a function. `rabbitmq_trigger` needs the extra `rabbitmq` of this package."""
