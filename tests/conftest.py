"""What all tests share: property tests give the same examples everywhere, and a slow machine fails none of them."""

from hypothesis import settings

settings.register_profile("oddloop", deadline=None, derandomize=True)
settings.load_profile("oddloop")
