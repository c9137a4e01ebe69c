"""Queues and topics: MNS (Simple Message Queue), and how a trigger reads a queue of RabbitMQ.

`model` has one queue, `topics` one topic, `service` all of an account, `endpoint` their HTTP API.
`rabbitmq_trigger` needs the extra `rabbitmq` of this package.
"""
