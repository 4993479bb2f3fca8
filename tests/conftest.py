"""What all tests share."""

from hypothesis import settings

# Examples have no time limit of their own: the machine may be busy, and a hang ends by pytest's.
settings.register_profile("wireproof", deadline=None)
settings.load_profile("wireproof")
