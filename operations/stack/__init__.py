"""The whole system as plain processes on one machine, for where there is no container engine."""
