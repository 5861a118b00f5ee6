"""The contracts as others read them: JSON Schema, AsyncAPI, and what a change of them may break."""
