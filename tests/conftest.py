"""What holds for every test."""

from hypothesis import settings

# Examples are not timed: machines differ, and share their cores. Based on the profile in force,
# so that Hypothesis' own one for continuous integration keeps its repeatable examples.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
