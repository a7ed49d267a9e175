"""The newer edition's chapters on sequences: text, recurrent networks, translation, attention."""

import math

import torch
from d2l import torch as d2l
from torch import nn
from torch.nn import functional as F


def drawn(model):
    """The curves of a training, by their labels."""
    lines = model.board.data.items()
    return {label: torch.tensor([[float(p.x), float(p.y)] for p in line]) for label, line in lines}


class TimeMachine(d2l.TimeMachine):
    """The book's class, with a text that is in the folder."""

    def _download(self):
        with open(self.root + "/timemachine.txt") as f:
            return f.read()


class MTFraEng(d2l.MTFraEng):
    def _download(self):
        with open(self.root + "/fra-eng/fra.txt", encoding="utf-8") as f:
            return f.read()


def program_74_text():
    data = TimeMachine(batch_size=2, num_steps=10, num_train=20, num_val=10)
    raw = data._download()
    text = data._preprocess(raw)
    print(text[:60], ",".join(data._tokenize(text)[:30]))
    vocab = d2l.Vocab(data._tokenize(text))
    indices = vocab[data._tokenize(text)[:10]]
    print("indices:", indices, "words:", vocab.to_tokens(indices), len(vocab), vocab.unk)
    corpus, vocab = data.build(raw)
    print(len(corpus), vocab.token_freqs[:5], vocab["?"], vocab.to_tokens(3))
    words = d2l.Vocab(text.split(), min_freq=3, reserved_tokens=["<pad>"])
    print(words.idx_to_token, words[["the", "nowhere"]])
    for X, Y in data.train_dataloader():
        print("X:", X, "\nY:", Y)
        break
    print(len(data.train_dataloader()), len(data.val_dataloader()))
    yield data.X, data.Y


def program_75_recurrent_networks():
    data = TimeMachine(batch_size=16, num_steps=8, num_train=64, num_val=32)
    size = len(data.vocab)
    scratch = d2l.RNNScratch(num_inputs=size, num_hiddens=16, sigma=0.1)
    outputs, state = scratch(torch.ones((5, 2, size)))
    d2l.check_len(outputs, 5)
    d2l.check_shape(outputs[0], (2, 16))
    d2l.check_shape(state, (2, 16))
    long = d2l.LSTMScratch(num_inputs=size, num_hiddens=16, sigma=0.1)
    print(list(long.state_dict()))
    layers = (
        (d2l.RNNLMScratch, scratch),
        (d2l.RNNLM, d2l.RNN(num_inputs=size, num_hiddens=16)),
        (d2l.RNNLMScratch, long),
        (d2l.RNNLM, d2l.GRU(num_inputs=size, num_hiddens=16, num_layers=2, dropout=0)),
    )
    for model_class, rnn in layers:
        model = model_class(rnn, vocab_size=size, lr=1)
        model.board.display = rnn is scratch
        print(model.predict("it has", 5, data.vocab))
        trainer = d2l.Trainer(max_epochs=3, gradient_clip_val=1, num_gpus=1)
        trainer.fit(model, data)
        print(model.predict("it has", 10, data.vocab, d2l.try_gpu()))
        yield drawn(model)
    print(model)


class GRUScratch(d2l.Module):
    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        init_weight = lambda *shape: nn.Parameter(torch.randn(*shape) * sigma)  # noqa: E731
        triple = lambda: (  # noqa: E731
            init_weight(num_inputs, num_hiddens),
            init_weight(num_hiddens, num_hiddens),
            nn.Parameter(torch.zeros(num_hiddens)),
        )
        self.W_xz, self.W_hz, self.b_z = triple()
        self.W_xr, self.W_hr, self.b_r = triple()
        self.W_xh, self.W_hh, self.b_h = triple()

    def forward(self, inputs, H=None):
        if H is None:
            H = torch.zeros((inputs.shape[1], self.num_hiddens), device=inputs.device)
        outputs = []
        for X in inputs:
            Z = torch.sigmoid(torch.matmul(X, self.W_xz) + torch.matmul(H, self.W_hz) + self.b_z)
            R = torch.sigmoid(torch.matmul(X, self.W_xr) + torch.matmul(H, self.W_hr) + self.b_r)
            H_tilde = torch.tanh(
                torch.matmul(X, self.W_xh) + torch.matmul(R * H, self.W_hh) + self.b_h
            )
            H = Z * H + (1 - Z) * H_tilde
            outputs.append(H)
        return outputs, H


class LSTM(d2l.RNN):
    def __init__(self, num_inputs, num_hiddens):
        d2l.Module.__init__(self)
        self.save_hyperparameters()
        self.rnn = nn.LSTM(num_inputs, num_hiddens)

    def forward(self, inputs, H_C=None):
        return self.rnn(inputs, H_C)


class StackedRNNScratch(d2l.Module):
    def __init__(self, num_inputs, num_hiddens, num_layers, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        self.rnns = nn.Sequential(
            *[
                d2l.RNNScratch(num_inputs if i == 0 else num_hiddens, num_hiddens, sigma)
                for i in range(num_layers)
            ]
        )

    def forward(self, inputs, Hs=None):
        outputs = inputs
        if Hs is None:
            Hs = [None] * self.num_layers
        for i in range(self.num_layers):
            outputs, Hs[i] = self.rnns[i](outputs, Hs[i])
            outputs = torch.stack(outputs, 0)
        return outputs, Hs


class BiRNNScratch(d2l.Module):
    def __init__(self, num_inputs, num_hiddens, sigma=0.01):
        super().__init__()
        self.save_hyperparameters()
        self.f_rnn = d2l.RNNScratch(num_inputs, num_hiddens, sigma)
        self.b_rnn = d2l.RNNScratch(num_inputs, num_hiddens, sigma)
        self.num_hiddens *= 2

    def forward(self, inputs, Hs=None):
        f_H, b_H = Hs if Hs is not None else (None, None)
        f_outputs, f_H = self.f_rnn(inputs, f_H)
        b_outputs, b_H = self.b_rnn(reversed(inputs), b_H)
        both = zip(f_outputs, reversed(b_outputs), strict=True)
        outputs = [torch.cat((f, b), -1) for f, b in both]
        return outputs, (f_H, b_H)


def program_76_modern_recurrent_networks():
    data = TimeMachine(batch_size=16, num_steps=8, num_train=64, num_val=32)
    size = len(data.vocab)
    trainer = d2l.Trainer(max_epochs=2, gradient_clip_val=1, num_gpus=1)
    for model in (
        d2l.RNNLMScratch(GRUScratch(size, 12, 0.1), vocab_size=size, lr=2),
        d2l.RNNLM(LSTM(size, 12), vocab_size=size, lr=2),
        d2l.RNNLMScratch(StackedRNNScratch(size, 12, 2, 0.1), vocab_size=size, lr=2),
        d2l.RNNLMScratch(BiRNNScratch(size, 6, 0.1), vocab_size=size, lr=2),
    ):
        model.board.display = False
        trainer.fit(model, data)
        yield drawn(model), sum(float(p.abs().sum()) > 0 for p in model.parameters())


def program_77_translation():
    data = MTFraEng(batch_size=3, num_train=20, num_val=5)
    raw = data._download()
    text = data._preprocess(raw)
    print(repr(text[:80]))
    src, tgt = data._tokenize(text)
    print(src[:6], tgt[:6], len(src))
    d2l.show_list_len_pair_hist(["source", "target"], "# tokens per sequence", "count", src, tgt)
    source, target, lens, label = next(iter(data.train_dataloader()))
    print("source:", source.type(torch.int32))
    print("decoder input:", target.type(torch.int32))
    print("source len excluding pad:", lens.type(torch.int32))
    print("label:", label.type(torch.int32))
    source, target, _, _ = data.build(["hi ."], ["salut ."])
    print("source:", data.src_vocab.to_tokens(source[0].type(torch.int32)))
    print("target:", data.tgt_vocab.to_tokens(target[0].type(torch.int32)))
    yield data.arrays
    for pred, true, k in (("il a mal", "il a mal .", 2), ("va", "va !", 3), ("x y", "z", 2)):
        print(f"{d2l.bleu(pred, true, k):.6f}")


ENGS = ["go .", "i lost .", "he is calm .", "i am home ."]
FRAS = ["va !", "il a perdu .", "il est calme .", "je suis chez moi ."]


def translated(model, data):
    preds, _ = model.predict_step(data.build(ENGS, FRAS), d2l.try_gpu(), data.num_steps)
    for en, fr, p in zip(ENGS, FRAS, preds, strict=True):
        translation = []
        for token in data.tgt_vocab.to_tokens(p):
            if token == "<eos>":
                break
            translation.append(token)
        print(f"{en} => {translation}, bleu,{d2l.bleu(' '.join(translation), fr, k=2):.3f}")


def program_78_sequence_to_sequence():
    encoder = d2l.Seq2SeqEncoder(10, 8, 16, 2)
    X = torch.zeros((4, 9))
    outputs, state = encoder(X)
    d2l.check_shape(outputs, (9, 4, 16))
    decoder = d2l.Seq2SeqDecoder(10, 8, 16, 2)
    dec_outputs, state = decoder(X, decoder.init_state(encoder(X)))
    d2l.check_shape(dec_outputs, (4, 9, 10))
    d2l.check_shape(state[1], (2, 4, 16))
    data = MTFraEng(batch_size=8, num_train=24, num_val=4)
    encoder = d2l.Seq2SeqEncoder(len(data.src_vocab), 16, 16, num_layers=2, dropout=0)
    decoder = d2l.Seq2SeqDecoder(len(data.tgt_vocab), 16, 16, num_layers=2, dropout=0)
    model = d2l.Seq2Seq(encoder, decoder, tgt_pad=data.tgt_vocab["<pad>"], lr=0.005)
    trainer = d2l.Trainer(max_epochs=4, gradient_clip_val=1, num_gpus=1)
    trainer.fit(model, data)
    print(list(model.hparams), model.tgt_pad, [n for n, _ in model.named_children()])
    translated(model, data)
    yield drawn(model)


class Seq2SeqAttentionDecoder(d2l.AttentionDecoder):
    def __init__(self, vocab_size, embed_size, num_hiddens, num_layers, dropout=0):
        super().__init__()
        self.attention = d2l.AdditiveAttention(num_hiddens, dropout)
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.rnn = nn.GRU(embed_size + num_hiddens, num_hiddens, num_layers, dropout=dropout)
        self.dense = nn.LazyLinear(vocab_size)
        self.apply(d2l.init_seq2seq)

    def init_state(self, enc_outputs, enc_valid_lens):
        outputs, hidden_state = enc_outputs
        return (outputs.permute(1, 0, 2), hidden_state, enc_valid_lens)

    def forward(self, X, state):
        enc_outputs, hidden_state, enc_valid_lens = state
        X = self.embedding(X).permute(1, 0, 2)
        outputs, self._attention_weights = [], []
        for x in X:
            query = torch.unsqueeze(hidden_state[-1], dim=1)
            context = self.attention(query, enc_outputs, enc_outputs, enc_valid_lens)
            x = torch.cat((context, torch.unsqueeze(x, dim=1)), dim=-1)
            out, hidden_state = self.rnn(x.permute(1, 0, 2), hidden_state)
            outputs.append(out)
            self._attention_weights.append(self.attention.attention_weights)
        outputs = self.dense(torch.cat(outputs, dim=0))
        return outputs.permute(1, 0, 2), [enc_outputs, hidden_state, enc_valid_lens]

    @property
    def attention_weights(self):
        return self._attention_weights


def program_79_attention():
    weights = torch.eye(10).reshape((1, 1, 10, 10))
    d2l.show_heatmaps(weights, xlabel="Keys", ylabel="Queries", titles=["one"])
    print(d2l.masked_softmax(torch.rand(2, 2, 4), torch.tensor([2, 3])))
    print(d2l.masked_softmax(torch.rand(2, 2, 4), torch.tensor([[1, 3], [2, 4]])))
    print(d2l.masked_softmax(torch.rand(2, 2, 4), None).shape)
    queries, keys = torch.normal(0, 1, (2, 1, 2)), torch.normal(0, 1, (2, 10, 2))
    values, valid_lens = torch.normal(0, 1, (2, 10, 4)), torch.tensor([2, 6])
    attention = d2l.DotProductAttention(dropout=0.5)
    attention.eval()
    d2l.check_shape(attention(queries, keys, values, valid_lens), (2, 1, 4))
    yield attention.attention_weights
    additive = d2l.AdditiveAttention(num_hiddens=8, dropout=0.1)
    additive.eval()
    yield additive(torch.normal(0, 1, (2, 1, 20)), keys, values, valid_lens)
    data = MTFraEng(batch_size=8, num_train=24, num_val=4)
    encoder = d2l.Seq2SeqEncoder(len(data.src_vocab), 16, 16, 2, 0)
    decoder = Seq2SeqAttentionDecoder(len(data.tgt_vocab), 16, 16, 2, 0)
    model = d2l.Seq2Seq(encoder, decoder, tgt_pad=data.tgt_vocab["<pad>"], lr=0.005)
    trainer = d2l.Trainer(max_epochs=3, gradient_clip_val=1, num_gpus=1)
    trainer.fit(model, data)
    translated(model, data)
    yield drawn(model)
    _, weights = model.predict_step(
        data.build([ENGS[-1]], [FRAS[-1]]), d2l.try_gpu(), data.num_steps, True
    )
    weights = torch.cat([step[0].detach() for step in weights], 0).reshape((1, 1, -1, 9))
    d2l.show_heatmaps(weights[:, :, :, :5].cpu(), "Key positions", "Query positions")
    yield weights


class TransformerDecoderBlock(nn.Module):
    def __init__(self, num_hiddens, ffn_num_hiddens, num_heads, dropout, i):
        super().__init__()
        self.i = i
        self.attention1 = d2l.MultiHeadAttention(num_hiddens, num_heads, dropout)
        self.addnorm1 = d2l.AddNorm(num_hiddens, dropout)
        self.attention2 = d2l.MultiHeadAttention(num_hiddens, num_heads, dropout)
        self.addnorm2 = d2l.AddNorm(num_hiddens, dropout)
        self.ffn = d2l.PositionWiseFFN(ffn_num_hiddens, num_hiddens)
        self.addnorm3 = d2l.AddNorm(num_hiddens, dropout)

    def forward(self, X, state):
        enc_outputs, enc_valid_lens = state[0], state[1]
        seen = state[2][self.i]
        key_values = X if seen is None else torch.cat((seen, X), dim=1)
        state[2][self.i] = key_values
        if self.training:
            batch_size, num_steps, _ = X.shape
            dec_valid_lens = torch.arange(1, num_steps + 1, device=X.device).repeat(batch_size, 1)
        else:
            dec_valid_lens = None
        X2 = self.attention1(X, key_values, key_values, dec_valid_lens)
        Y = self.addnorm1(X, X2)
        Y2 = self.attention2(Y, enc_outputs, enc_outputs, enc_valid_lens)
        Z = self.addnorm2(Y, Y2)
        return self.addnorm3(Z, self.ffn(Z)), state


class TransformerDecoder(d2l.AttentionDecoder):
    def __init__(self, vocab_size, num_hiddens, ffn_num_hiddens, num_heads, num_blks, dropout):
        super().__init__()
        self.num_hiddens = num_hiddens
        self.num_blks = num_blks
        self.embedding = nn.Embedding(vocab_size, num_hiddens)
        self.pos_encoding = d2l.PositionalEncoding(num_hiddens, dropout)
        self.blks = nn.Sequential()
        for i in range(num_blks):
            self.blks.add_module(
                "block" + str(i),
                TransformerDecoderBlock(num_hiddens, ffn_num_hiddens, num_heads, dropout, i),
            )
        self.dense = nn.LazyLinear(vocab_size)

    def init_state(self, enc_outputs, enc_valid_lens):
        return [enc_outputs, enc_valid_lens, [None] * self.num_blks]

    def forward(self, X, state):
        X = self.pos_encoding(self.embedding(X) * math.sqrt(self.num_hiddens))
        self._attention_weights = [[None] * len(self.blks) for _ in range(2)]
        for i, blk in enumerate(self.blks):
            X, state = blk(X, state)
            self._attention_weights[0][i] = blk.attention1.attention.attention_weights
            self._attention_weights[1][i] = blk.attention2.attention.attention_weights
        return self.dense(X), state

    @property
    def attention_weights(self):
        return self._attention_weights


def program_80_transformer():
    attention = d2l.MultiHeadAttention(num_hiddens=20, num_heads=5, dropout=0.5)
    X, Y = torch.ones((2, 4, 20)), torch.ones((2, 6, 20))
    d2l.check_shape(attention(X, Y, Y, torch.tensor([3, 2])), (2, 4, 20))
    encoding = d2l.PositionalEncoding(20, 0)
    encoding.eval()
    P = encoding.P[:, :60, :]
    d2l.plot(torch.arange(60), P[0, :, 6:10].T, xlabel="Row (position)", figsize=(6, 2.5))
    print(encoding(torch.zeros((1, 60, 20)))[0, :3, :4])
    add_norm = d2l.AddNorm(4, 0.5)
    d2l.check_shape(add_norm(torch.ones((2, 3, 4)), torch.ones((2, 3, 4))), (2, 3, 4))
    encoder = d2l.TransformerEncoder(200, 24, 48, 8, 2, 0.5)
    d2l.check_shape(
        encoder(torch.ones((2, 10), dtype=torch.long), torch.tensor([3, 2])), (2, 10, 24)
    )
    print(list(encoder.state_dict())[:8], F.softmax(torch.ones(2), 0))
    data = MTFraEng(batch_size=8, num_train=24, num_val=4)
    num_hiddens, num_blks, dropout, ffn, heads = 32, 2, 0, 16, 4
    encoder = d2l.TransformerEncoder(
        len(data.src_vocab), num_hiddens, ffn, heads, num_blks, dropout
    )
    decoder = TransformerDecoder(len(data.tgt_vocab), num_hiddens, ffn, heads, num_blks, dropout)
    model = d2l.Seq2Seq(encoder, decoder, tgt_pad=data.tgt_vocab["<pad>"], lr=0.001)
    trainer = d2l.Trainer(max_epochs=3, gradient_clip_val=1, num_gpus=1)
    trainer.fit(model, data)
    translated(model, data)
    yield drawn(model)
    weights = torch.cat(model.encoder.attention_weights, 0).reshape((num_blks, heads, -1, 9))
    d2l.check_shape(weights, (num_blks, heads, weights.shape[2], 9))
    yield weights
