"""Declaring a new producer."""
