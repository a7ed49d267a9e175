"""One module on several devices: parts of a batch to copies of it, and the results together."""

from minigrad.nn.parallel.data_parallel import DataParallel as DataParallel
from minigrad.nn.parallel.data_parallel import data_parallel as data_parallel
from minigrad.nn.parallel.distributed import DistributedDataParallel as DistributedDataParallel
from minigrad.nn.parallel.parallel_apply import parallel_apply as parallel_apply
from minigrad.nn.parallel.replicate import replicate as replicate
from minigrad.nn.parallel.scatter_gather import gather as gather
from minigrad.nn.parallel.scatter_gather import scatter as scatter
