"""The Région from 2016 to 2020, event by event from a seed; and the demo of it."""
