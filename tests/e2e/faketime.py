"""Clocks that are wrong on purpose: Debian's libfaketime, preloaded.

Not by its wrapper, the command `faketime`: that one fails where a killed process of its own process ID left its
semaphore behind. The library shares nothing then, and goes on.
"""

import glob


def library():
    """Its path; None where it is not installed."""
    return next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
