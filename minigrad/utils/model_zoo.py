"""The older name of ``hub.load_state_dict_from_url``.

Source: https://docs.pytorch.org/docs/stable/model_zoo.html
"""

from minigrad.hub import load_state_dict_from_url

__all__ = ["load_state_dict_from_url", "load_url"]

load_url = load_state_dict_from_url
