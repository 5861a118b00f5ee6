"""The contracts for other programs: JSON Schema, AsyncAPI, and their compatibility."""
