"""What all tests share."""

from hypothesis import Phase, settings

# Examples have no time limit of their own: the machine may be busy, and a hang ends by pytest's.
settings.register_profile("wireproof", deadline=None)
# `make mutation` asks for it: whether a test fails is all that counts there, not the least failure.
settings.register_profile(
    "mutation", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("wireproof")
