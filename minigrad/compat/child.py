"""What a spawned process imports where its parent runs a script: that script, on minigrad.

``multiprocessing`` asks the main module's spec for its name; :mod:`minigrad.compat.script` gives it
this one, as the script itself would be imported by plain Python, without minigrad.
"""

from __future__ import annotations

from minigrad.compat.script import definitions

if __name__ == "__mp_main__":
    globals().update(definitions(__name__))
