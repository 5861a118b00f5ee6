"""The gateway: accepts events over HTTP, and answers once the broker has them.

A request passes through these modules, in this order:

- `acceptor`, `connections`, `fair_scheduling`: which connections are accepted and read next
- `protocol`, `strict_http`: HTTP/1.1 without leniency
- `authentication`, `quota`, `body`, `idempotency`: who sends, how much, and whether it is a repeat
- `http_binding`, `bounds`, `admission`: the events in it, and whether each is accepted
- `reception`, `topics_writer`: accepted events and dead letters on Kafka
- `answers`, `problems`: what is answered; each refusal's status and text is in `problems`
"""
