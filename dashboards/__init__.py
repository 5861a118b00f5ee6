"""What people see: boards, recording rules and alert rules, derived from the catalogue."""

__all__: list[str] = []
