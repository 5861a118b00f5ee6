"""The gateway: accepts events over HTTP, and answers once the broker has them.

A request passes through these modules, in this order:

- `app`: routes, and the steps of a request
- `authentication`, `body`, `quota`, `idempotency`: who sends, how much, and whether it is a repeat
- `http_binding`, `admission`: the events in it, and whether each is accepted
- `reception`, `topics_writer`: accepted events and dead letters on Kafka
- `answers`, `problems`: what is answered; each refusal's status and text is in problems.yaml

HAProxy stands before it: `token_map` gives it the hashes of the producers' tokens.
"""
