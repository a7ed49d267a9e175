"""Text as numbers: vocabularies, 'The Time Machine', and English sentences with French ones.

Source: https://d2l.ai/chapter_recurrent-neural-networks/text-sequence.html
"""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minigrad as torch
from minigrad import Tensor
from minigrad.d2l.data import DATA_URL, download, extract
from minigrad.d2l.drawing import pyplot, set_figsize, show_figure
from minigrad.d2l.modules import DataModule

__all__ = ["MTFraEng", "TimeMachine", "Vocab", "show_list_len_pair_hist"]


class Vocab:
    """Numbers for tokens, in alphabetical order; what is rare or unknown is ``<unk>``.

    Args:
        tokens: a list of them, or a list of lists.
        min_freq: how often a token must occur.
        reserved_tokens: tokens to have in any case.

    >>> from minigrad import d2l
    >>> vocab = d2l.Vocab(["b", "a", "b"])
    >>> vocab[["a", "b", "c"]], vocab.to_tokens([1, 2])
    ([1, 2, 0], ['a', 'b'])
    """

    def __init__(
        self,
        tokens: Sequence[Any] = (),
        min_freq: int = 0,
        reserved_tokens: Sequence[str] = (),
    ) -> None:
        if tokens and isinstance(tokens[0], list):
            tokens = [token for line in tokens for token in line]
        counts = collections.Counter(tokens)
        self.token_freqs = sorted(counts.items(), key=lambda pair: pair[1], reverse=True)
        often = [token for token, count in self.token_freqs if count >= min_freq]
        self.idx_to_token = sorted({"<unk>", *reserved_tokens, *often})
        self.token_to_idx = {token: idx for idx, token in enumerate(self.idx_to_token)}

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __getitem__(self, tokens: Any) -> Any:
        if not isinstance(tokens, (list, tuple)):
            return self.token_to_idx.get(tokens, self.unk)
        return [self[token] for token in tokens]

    def to_tokens(self, indices: Any) -> Any:
        """The tokens of several numbers, or of one."""
        if hasattr(indices, "__len__") and len(indices) > 1:
            return [self.idx_to_token[int(index)] for index in indices]
        return self.idx_to_token[indices]

    @property
    def unk(self) -> int:
        """The number of unknown tokens."""
        return self.token_to_idx["<unk>"]


class TimeMachine(DataModule):
    """The letters of H. G. Wells's 'The Time Machine': each run of them, and the next letters.

    The text is ``timemachine.txt`` in ``../data``, fetched if it is not there.

    Raises: RuntimeError if it can neither be found nor fetched.

    >>> from minigrad import d2l
    >>> d2l.TimeMachine(batch_size=2, num_steps=10)  # doctest: +SKIP
    """

    num_train: int
    num_val: int

    def __init__(
        self, batch_size: int, num_steps: int, num_train: int = 10000, num_val: int = 5000
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        corpus, self.vocab = self.build(self._download())
        starts = range(len(corpus) - num_steps)
        array = torch.tensor([corpus[i : i + num_steps + 1] for i in starts])
        self.X, self.Y = array[:, :-1], array[:, 1:]

    def _download(self) -> str:
        sha1 = "090b5e7e70c295757f55df93cb0a180b9691891a"
        return Path(download(DATA_URL + "timemachine.txt", self.root, sha1)).read_text()

    def _preprocess(self, text: str) -> str:
        return re.sub("[^A-Za-z]+", " ", text).lower()

    def _tokenize(self, text: str) -> list[str]:
        return list(text)

    def build(self, raw_text: str, vocab: Vocab | None = None) -> tuple[list[int], Vocab]:
        """A text as numbers, and the vocabulary: a given one, or its own."""
        tokens = self._tokenize(self._preprocess(raw_text))
        if vocab is None:
            vocab = Vocab(tokens)
        return [vocab[token] for token in tokens], vocab

    def get_dataloader(self, train: bool) -> Any:
        """The first sequences for training, those after them for validation."""
        end = self.num_train + self.num_val
        part = slice(0, self.num_train) if train else slice(self.num_train, end)
        return self.get_tensorloader([self.X, self.Y], train, part)


class MTFraEng(DataModule):
    """English sentences and their French translations, from ``fra-eng.zip`` in ``../data``.

    A batch holds the source, the target from ``<bos>`` on, the lengths of the sources, and the
    target without ``<bos>``.

    Raises: RuntimeError if the file can neither be found nor fetched.

    >>> from minigrad import d2l
    >>> d2l.MTFraEng(batch_size=3)  # doctest: +SKIP
    """

    num_steps: int
    num_train: int
    num_val: int

    def __init__(
        self, batch_size: int, num_steps: int = 9, num_train: int = 512, num_val: int = 128
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.arrays, self.src_vocab, self.tgt_vocab = self._build_arrays(self._download())

    def _download(self) -> str:
        sha1 = "94646ad1522d915e7b0f9296181140edcf86a4f5"
        extract(download(DATA_URL + "fra-eng.zip", self.root, sha1))
        return Path(self.root, "fra-eng", "fra.txt").read_text(encoding="utf-8")

    def _preprocess(self, text: str) -> str:
        """Lower case, with a space before each mark."""
        text = text.replace("\u202f", " ").replace("\xa0", " ")
        return re.sub(r"(?<=[^ ])([,.!?])", r" \1", text.lower())

    def _tokenize(
        self, text: str, max_examples: int | None = None
    ) -> tuple[list[list[str]], list[list[str]]]:
        src, tgt = [], []
        for i, line in enumerate(text.split("\n")):
            if max_examples and i > max_examples:
                break
            parts = line.split("\t")
            if len(parts) == 2:
                src.append([token for token in f"{parts[0]} <eos>".split(" ") if token])
                tgt.append([token for token in f"{parts[1]} <eos>".split(" ") if token])
        return src, tgt

    def _build_arrays(
        self, raw_text: str, src_vocab: Vocab | None = None, tgt_vocab: Vocab | None = None
    ) -> tuple[tuple[Tensor, ...], Vocab, Vocab]:
        lines = self._tokenize(self._preprocess(raw_text), self.num_train + self.num_val)
        src, src_vocab, src_valid_len = self._build_array(lines[0], src_vocab)
        tgt, tgt_vocab, _ = self._build_array(lines[1], tgt_vocab, is_tgt=True)
        return (src, tgt[:, :-1], src_valid_len, tgt[:, 1:]), src_vocab, tgt_vocab

    def _build_array(
        self, sentences: list[list[str]], vocab: Vocab | None, is_tgt: bool = False
    ) -> tuple[Tensor, Vocab, Tensor]:
        """Sentences of one length as numbers, their vocabulary, and their own lengths."""
        t = self.num_steps
        sentences = [(words + ["<pad>"] * (t - len(words)))[:t] for words in sentences]
        if is_tgt:
            sentences = [["<bos>", *words] for words in sentences]
        if vocab is None:
            vocab = Vocab(sentences, min_freq=2)
        array = torch.tensor([vocab[words] for words in sentences])
        return array, vocab, (array != vocab["<pad>"]).type(torch.int32).sum(1)

    def get_dataloader(self, train: bool) -> Any:
        """The first pairs for training, the others for validation."""
        part = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader(self.arrays, train, part)

    def build(self, src_sentences: list[str], tgt_sentences: list[str]) -> tuple[Tensor, ...]:
        """A batch of other sentences, in the vocabularies that are there."""
        pairs = zip(src_sentences, tgt_sentences, strict=True)
        text = "\n".join(f"{src}\t{tgt}" for src, tgt in pairs)
        arrays, _, _ = self._build_arrays(text, self.src_vocab, self.tgt_vocab)
        return arrays


def show_list_len_pair_hist(
    legend: Sequence[str], xlabel: str, ylabel: str, xlist: Sequence[Any], ylist: Sequence[Any]
) -> None:
    """Show how long the lists in two lists are, as a histogram.

    >>> import tempfile
    >>> from minigrad import d2l
    >>> d2l.figure_folder(tempfile.mkdtemp())
    >>> d2l.show_list_len_pair_hist(["a", "b"], "length", "count", [[1], [1, 2]], [[1], [1]])
    """
    set_figsize()
    axes = pyplot().figure().gca()
    _, _, patches = axes.hist([[len(line) for line in xlist], [len(line) for line in ylist]])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    for patch in patches[1].patches:
        patch.set_hatch("/")
    axes.legend(legend)
    show_figure(axes.figure)
