"""What torch has and minigrad leaves out on purpose, with the reason.

``docs/parity.md`` shows it name by name; whoever asks for such a name is told.
"""

from __future__ import annotations

import re
import sys

__all__ = ["LEFT_OUT", "left_out", "no_attribute"]

# Patterns of names, and why they are left out.
LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        r"(fft\..*|stft|istft|.*complex.*|cfloat|cdouble|chalf|polar|view_as_real.*|linalg\.eig(vals)?"
        r"|eig|imag|ComplexFloatStorage|ComplexDoubleStorage)",
        "complex numbers: minigrad has real types only",
    ),
    (
        r".*(sparse|_csr|_csc|_bsr|_bsc|coo|crow_|ccol_|col_indices|row_indices).*"
        r"|smm|hspmm|hsmm|dsmm|saddmm|spmm|sspaddmm|coalesce|is_coalesced|indices|values|dense_dim"
        r"|to_dense|values_copy|indices_copy|SparseAdam",
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
        r"|convolution|segment_reduce|.*scaled_(grouped_)?mm|grouped_mm"
        r"|thread_safe_generator|max_pool2d_with_indices_backward|frobenius_norm|nuclear_norm|vander"
        r"|slice(_inverse)?|is_distributed|set_override_.*|enforce_grad_.*|region_activation_.*"
        r"|set_warn_on_accumulate_.*|is_multithreading_enabled|is_view_replay_enabled"
        r"|from_file|grad_dtype|module_load",
        "entry points of one vendor's library or of torch's own layers, not meant for users",
    ),
    (
        r"masked(\..*)?|ops(\..*)?|torch\..*|hash_tensor",
        "prototypes that torch does not promise to keep",
    ),
    (
        r"names?|refine_names|rename_?|align_(as|to|tensors)|has_names|is_nested|nested.*|jagged"
        r"|to_padded_tensor",
        "named and nested tensors",
    ),
    (
        r"fx|CompleteArgumentSpec|GraphExecutorState|_inductor|package"
        r"|Sym.*|sym_.*|.*Type$|.*Script.*|.*Storage.*|.*Execution.*|Aggregation.*|Dispatch.*|Graph|Block"
        r"|Argument.*|AliasDb|Benchmark.*|CallStack|Capsule|Code|Compil(?!e$).*|Concrete.*|DeepCopy.*|Deserial.*"
        r"|.*DisableTorchFunction.*|ErrorReport|Exclude.*|FatalError|FileCheck|FunctionSchema|Future"
        r"|Gradient|IODescriptor|JITException|LockingLogger|LoggerBase|NoopLogger|ModuleDict|Node|Type"
        r"|OperatorInfo|PRIVATE_OPS|ParameterDict|BufferDict|PyTorchFile.*|Serial.*|StaticModule|Tag"
        r"|Throughput.*|TracingState|USE_.*|Use|Value|AVG|SUM|TYPE_CHECKING|DeviceObjType|StreamObjType"
        r"|fork|wait|compile.+|import_ir.*|parse_.*|merge_type.*|unify_type.*|while_loop|cond|vmap_.*"
        r"|classproperty|prepare_multi.*|get_file_path|init_num_threads|profiler_.*|has_(lapack|mkl|openmp"
        r"|spectral)|handle_torch_function|has_torch_function.*|boolean_dispatch|assert_int_or_pair"
        r"|.*autocast_(increment|decrement).*|export.*|AcceleratorError",
        "torch's compiler, its C++ internals and their types",
    ),
    (
        r"(lstsq|symeig|solve|matrix_rank|lobpcg|chol.*_legacy)",
        "removed or retired in torch itself",
    ),
    (
        r"reinforce|volatile|storage_type|resize(_as)?|NestedIOFunction|SavedTensor"
        r"|BackwardCFunction|FunctionMeta|NLLLoss2d|Container|CrossMapLRN2d",
        "names of old versions that torch keeps for old programs",
    ),
    (
        r"Profiler.*|kineto_available|check_backward_validity|detach_variable|get_device_states"
        r"|set_device_states|set_checkpoint_debug.*|.*[Ss]elective[Cc]heckpoint.*|SAC_IGNORED_OPS"
        r"|CheckpointPolicy|GraphExecGroup|debug_unwrap|functionalize|rearrange|.*Data[Pp]ipe.*"
        r"|DFIterDataPipe|DataChunk|argument_validation|runtime_validation.*|non_deterministic"
        r"|guaranteed_datapipes_determinism|functional_datapipe|bind|PackedSequence_"
        r"|utils\.checkpoint\.uuid|factory_kwargs",
        "helpers of torch's own modules, and prototypes",
    ),
    (r".+autocast.*|get_device_module", "comes with CUDA"),
)


def left_out(name: str) -> str:
    """Why minigrad has no such name; empty if it should have.

    >>> left_out("sparse_coo_tensor")
    'sparse tensors'
    """
    return next((why for names, why in LEFT_OUT if re.fullmatch(names, name)), "")


def no_attribute(module: str, name: str) -> AttributeError:
    """The error for a name that a module does not have, with the reason if there is one.

    It knows its module, so that Python looks there for a name that is near.

    >>> print(no_attribute("minigrad", "sparse_coo_tensor"))
    module 'minigrad' has no attribute 'sparse_coo_tensor': left out on purpose (sparse tensors)
    """
    why = "" if name.startswith("_") else left_out(name)
    reason = f": left out on purpose ({why})" if why else ""
    return AttributeError(
        f"module {module!r} has no attribute {name!r}{reason}",
        name=name,
        obj=sys.modules.get(module),
    )
