"""Where minigrad differs from torch, and why: the one table that tests and ``docs/parity.md`` read.

A failure of torch's samples or examples that no row here expects fails the tests; so does a row
that nothing matches any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """One difference: which names, which of their failures (as printed), and the reason."""

    names: str  # a pattern for the whole dotted name
    failure: str  # a pattern somewhere in the line
    why: str


# Names that minigrad leaves out, by pattern; the first that fits gives the reason.
LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        r"(fft\..*|stft|istft|.*complex.*|cfloat|cdouble|chalf|polar|view_as_real.*|linalg\.eig(vals)?"
        r"|eig|ComplexFloatStorage|ComplexDoubleStorage)",
        "complex numbers: minigrad has real types only",
    ),
    (
        r".*(sparse|_csr|_csc|_bsr|_bsc|coo|crow_|ccol_|col_indices|row_indices).*"
        r"|smm|hspmm|hsmm|dsmm|saddmm|spmm|sspaddmm|coalesce|is_coalesced|indices|values|dense_dim"
        r"|to_dense|values_copy|indices_copy",
        "sparse tensors",
    ),
    (
        r".*quant.*|q_.*|qscheme|int_repr|qint.*|quint.*|QInt.*|QUInt.*|per_(channel|tensor)_.*"
        r"|fbgemm_.*|choose_qparams.*|.*(float|int)[1-7]$|uint[1-7]|int[1-7]|bits.*|bit|float[48]_.*"
        r"|dequantize|empty_quantized|.*observ.*",
        "quantised types",
    ),
    (
        r"(cudnn|miopen|mkldnn|native|fused|jiterator)_.*|.*_mkldnn|is_(vulkan|xla|ipu|maia|mtia|mps"
        r"|xpu|meta).*|ipu|xpu|mtia|to_mkldnn|batch_norm_(backward|elemt|gather|stats|update).*"
        r"|norm_except_dim|conv_tbc|grid_sampler.*|affine_grid_generator|embedding_renorm_"
        r"|rnn_.*|gru.*|lstm.*|convolution|segment_reduce|.*scaled_(grouped_)?mm|grouped_mm"
        r"|thread_safe_generator",
        "entry points of one vendor's library or of torch's own layers, not meant for users",
    ),
    (r"masked\..*|ops\..*|torch\..*|hash_tensor", "prototypes that torch does not promise to keep"),
    (
        r"names?|refine_names|rename_?|align_(as|to|tensors)|has_names|is_nested|nested.*|jagged"
        r"|to_padded_tensor",
        "named and nested tensors",
    ),
    (
        r"Sym.*|sym_.*|.*Type$|.*Script.*|.*Storage.*|.*Execution.*|Aggregation.*|Dispatch.*|Graph|Block"
        r"|Argument.*|AliasDb|Benchmark.*|CallStack|Capsule|Code|Compil.*|Concrete.*|DeepCopy.*|Deserial.*"
        r"|.*DisableTorchFunction.*|ErrorReport|Exclude.*|FatalError|FileCheck|FunctionSchema|Future"
        r"|Gradient|IODescriptor|JITException|LockingLogger|LoggerBase|NoopLogger|ModuleDict|Node|Type"
        r"|OperatorInfo|PRIVATE_OPS|ParameterDict|BufferDict|PyTorchFile.*|Serial.*|StaticModule|Tag"
        r"|Throughput.*|TracingState|USE_.*|Use|Value|AVG|SUM|TYPE_CHECKING|DeviceObjType|StreamObjType"
        r"|fork|wait|compile.*|import_ir.*|parse_.*|merge_type.*|unify_type.*|while_loop|cond|vmap_.*"
        r"|classproperty|prepare_multi.*|get_file_path|init_num_threads|profiler_.*|has_(lapack|mkl|openmp"
        r"|spectral)|handle_torch_function|has_torch_function.*|boolean_dispatch|assert_int_or_pair"
        r"|.*autocast_(increment|decrement).*|export.*|AcceleratorError",
        "torch's compiler, its C++ internals and their types",
    ),
    (
        r"(lstsq|symeig|solve|matrix_rank|lobpcg|chol.*_legacy)",
        "removed or retired in torch itself",
    ),
    (r".*autocast.*|GradScaler|Stream|Event|OutOfMemoryError|get_device_module", "comes with CUDA"),
)

KNOWN: tuple[Known, ...] = ()


def left_out(name: str) -> str:
    """Why minigrad has no such name; empty if it should have."""
    return next((why for names, why in LEFT_OUT if re.fullmatch(names, name)), "")


def expected(name: str, failure: str) -> Known | None:
    """The row that expects a failure; None if it is a mistake."""
    return next(
        (k for k in KNOWN if re.fullmatch(k.names, name) and re.search(k.failure, failure)), None
    )
