"""The gateway: accepts events over HTTP, and answers once the broker has them.

A request passes through these modules, in this order:

- `app`: routes, and the steps of a request
- `authentication`, `body`, `quota`, `idempotency`: the sender, the size, and whether it is a repeat
- `http_binding`, `admission`: the events in it, and whether each is accepted
- `reception`, `topics_writer`: accepted events and dead letters on Kafka
- `answers`, `problems`: the answer; problems.yaml has the status and the text of each refusal

HAProxy runs in front of it: `token_map` gives HAProxy the hashes of the producers' tokens.
"""
