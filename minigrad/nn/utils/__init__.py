"""Tools around modules: clipping gradients, reparametrised and pruned weights, packed sequences."""

from minigrad.nn.utils import parametrizations as parametrizations
from minigrad.nn.utils import parametrize as parametrize
from minigrad.nn.utils import prune as prune
from minigrad.nn.utils import rnn as rnn
from minigrad.nn.utils import stateless as stateless
from minigrad.nn.utils.clip_grad import *  # noqa: F403
from minigrad.nn.utils.convert_parameters import *  # noqa: F403
from minigrad.nn.utils.fusion import *  # noqa: F403
from minigrad.nn.utils.init import skip_init as skip_init
from minigrad.nn.utils.memory_format import *  # noqa: F403
from minigrad.nn.utils.spectral_norm import remove_spectral_norm as remove_spectral_norm
from minigrad.nn.utils.spectral_norm import spectral_norm as spectral_norm
from minigrad.nn.utils.weight_norm import remove_weight_norm as remove_weight_norm
from minigrad.nn.utils.weight_norm import weight_norm as weight_norm
