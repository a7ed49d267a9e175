"""What the notes report of their programs, and which programs are run in which way."""

from __future__ import annotations

SYSTEMS = 57

# The rows of each area of the checklist.
AREAS = {
    "A": 11, "B": 32, "C": 29, "D": 25, "E": 16, "F": 8, "G": 10, "H": 7, "I": 13, "J": 31,
    "K": 17, "L": 6, "M": 4, "N": 8, "O": 10, "P": 10, "Q": 7, "R": 11, "S": 8, "T": 7, "U": 3,
    "V": 9, "W": 10, "X": 34, "Y": 14, "Z": 12,
}  # fmt: skip

# Rows about a card, where no program of the notes can be run without one.
ELSEWHERE = {
    "X14": "parity_tests/test_printing.py::test_device_comes_before_size_and_dtype",
    "Y01": "parity_tests/ops/test_backends.py::test_tensors_on_two_devices_are_refused",
    "Y02": "parity_tests/ops/test_backends.py::test_tensors_on_two_devices_are_refused",
}

# Programs that torch refuses, with what minigrad prints.
ALONE = {
    "program_43_scatter": """
input: tensor([[ 0,  1,  2,  3,  4],
        [ 5,  6,  7,  8,  9],
        [10, 11, 12, 13, 14],
        [15, 16, 17, 18, 19]])
load into [device(type='cpu'), device(type='cpu')]
output: (tensor([[0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9]]), tensor([[10, 11, 12, 13, 14],
        [15, 16, 17, 18, 19]]))
2 torch.Size([2, 1, 28, 28]) (tensor([0, 1]), tensor([2, 3]))
""",
}

# The numbers that the notes report, in the order in which they are printed.
KNOWN_NUMBERS = {
    "program_04_autograd": "0 4 8 12",
    "program_05_activations": "0.25 1",
    "program_24_initialisation": "42 42 42",
    "program_27_own_layers": "-2 -1 0 1 2",
    "program_30_edges": (
        "19 25 37 43 7.283 2.041 0.678 0.251 0.098 0.9578 -1.0216 1.719 0.304 0.057 0.012 0.003"
    ),
    "program_32_channels": "56 72 104 120 76 100 148 172 96 128 192 224",
    "program_33_pooling": "4 5 7 8 2 3 5 6 10 5 7 13 15",
    "program_34_lenet_with_sigmoid": "6 28 28 16 10 10 400 120 84 10",
    "program_36_alexnet": "46764746 96 54 54 256 12 12 256 5 5 6400 4096",
    "program_37_vgg": "64 112 112 128 56 56 256 28 28 512 14 14 512 7 7 25088 128806154",
    "program_38_nin": "1992166 96 54 54 256 26 26 384 12 12 384 5 5 10 5 5 10 1 1",
    "program_39_googlenet": "5977530 64 24 24 192 12 12 480 6 6 832 3 3 1024 10",
    "program_42_resnet": "11178378 64 56 56 128 28 28 256 14 14 512 7 7 512 1 1",
    "program_48_fine_tuning": "122 11689512 512",
    "program_49_gradients_by_hand": (
        "1763.884644 1763.884644 4517.2969 82.6000 323.090546 78.929634"
        " 29.105242 29.104168 29.023582 29.022669 0.2327 -0.0438"
    ),
    "program_50_autograd": "4517.2969 82.6 5.3671 -17.3012 9.5483e-01 -8.2600e-04",
    "program_51_modules": (
        "134.9599 183.1707 4.8053 4.7307 3.0285 3.0889 2.8569 3.9105 5.4319 -17.9693"
    ),
    "program_53_fully_connected": "3737474",
    "program_54_convolutional": "16 3 3 3 18090",
}

# Programs that are also run as scripts, with `minigrad run`.
SCRIPTS = (
    "program_01_tensors",
    "program_05_activations",
    "program_08_with_helpers",
    "program_11_softmax_regression_from_scratch",
    "program_17_perceptron_with_xavier_and_adam",
    "program_21_house_prices",
    "program_22_blocks",
    "program_28_files",
    "program_30_edges",
    "program_35_train_ch6",
    "program_60_linear_regression_concise",
    "program_65_softmax_regression",
    "program_77_translation",
    "program_46_augmentation",
    "program_47_cifar_with_augmentation",
    "program_54_convolutional",
    "program_55_image_data_set",
)

# Programs whose numbers are no sums that rounding reaches: printed literally as torch prints them.
LITERAL = (
    "program_01_tensors",
    "program_02_table",
    "program_03_linear_algebra",
    "program_04_autograd",
    "program_24_initialisation",
    "program_25_sharing",
    "program_26_lazy_layers",
    "program_28_files",
    "program_29_devices",
    "program_32_channels",
    "program_33_pooling",
    "program_41_batch_norm_concise",
    "program_58_import_surface",
)
