"""The newer edition's chapters on linear regression: classes, trainer, weight decay."""

import time

import torch
from d2l import torch as d2l
from torch import nn


def drawn(model):
    """The curves of a training, by their labels."""
    lines = model.board.data.items()
    return {label: torch.tensor([[float(p.x), float(p.y)] for p in line]) for label, line in lines}


def program_58_classes_over_cells():
    class A:
        def __init__(self):
            self.b = 1

    a = A()

    @d2l.add_to_class(A)
    def do(self):
        print("Class attribute 'b' is", self.b)

    a.do()

    class B(d2l.HyperParameters):
        def __init__(self, a, b, c):
            self.save_hyperparameters(ignore=["c"])
            print("self.a =", self.a, "self.b =", self.b)
            print("There is no self.c =", not hasattr(self, "c"), self.hparams)

    B(a=1, b=2, c=3)
    board = d2l.ProgressBoard("x")
    for x in torch.arange(0, 10, 0.5).tolist():
        board.draw(x, x**0.5, "root", every_n=2)
        board.draw(x, x**2, "square", every_n=5)
    yield [(p.x, p.y) for p in board.data["root"]], [tuple(p) for p in board.data["square"]]
    for base in (d2l.Module().loss, d2l.DataModule().get_dataloader):
        try:
            base(*[None] * (base.__code__.co_argcount - 1))
        except NotImplementedError:
            print("to be defined")


def program_59_linear_regression_from_scratch():
    data = d2l.SyntheticRegressionData(w=torch.tensor([2, -3.4]), b=4.2)
    print("features:", data.X[0], "\nlabel:", data.y[0])
    X, y = next(iter(data.train_dataloader()))
    print("X shape:", X.shape, "\ny shape:", y.shape, len(data.train_dataloader()))
    model = d2l.LinearRegressionScratch(2, lr=0.03)
    trainer = d2l.Trainer(max_epochs=3)
    trainer.fit(model, data)
    with torch.no_grad():
        print(f"error in estimating w: {data.w - model.w.reshape(data.w.shape)}")
        print(f"error in estimating b: {data.b - model.b}")
    print(trainer.epoch, trainer.train_batch_idx, trainer.val_batch_idx, trainer.gpus)
    yield drawn(model), model.w, model.b


def program_60_linear_regression_concise():
    model = d2l.LinearRegression(lr=0.03)
    data = d2l.SyntheticRegressionData(w=torch.tensor([2, -3.4]), b=4.2)
    trainer = d2l.Trainer(max_epochs=3)
    trainer.fit(model, data)
    w, b = model.get_w_b()
    print(f"error in estimating w: {data.w - w.reshape(data.w.shape)}")
    print(f"error in estimating b: {data.b - b}")
    print(model)
    yield drawn(model)


class Data(d2l.DataModule):
    def __init__(self, num_train, num_val, num_inputs, batch_size):
        self.save_hyperparameters()
        n = num_train + num_val
        self.X = torch.randn(n, num_inputs)
        noise = torch.randn(n, 1) * 0.01
        w, b = torch.ones((num_inputs, 1)) * 0.01, 0.05
        self.y = torch.matmul(self.X, w) + b + noise

    def get_dataloader(self, train):
        i = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader([self.X, self.y], train, i)


def l2_penalty(w):
    return (w**2).sum() / 2


class WeightDecayScratch(d2l.LinearRegressionScratch):
    def __init__(self, num_inputs, lambd, lr, sigma=0.01):
        super().__init__(num_inputs, lr, sigma)
        self.save_hyperparameters()

    def loss(self, y_hat, y):
        return super().loss(y_hat, y) + self.lambd * l2_penalty(self.w)


class WeightDecay(d2l.LinearRegression):
    def __init__(self, wd, lr):
        super().__init__(lr)
        self.save_hyperparameters()
        self.wd = wd

    def configure_optimizers(self):
        return torch.optim.SGD(
            [{"params": self.net.weight, "weight_decay": self.wd}, {"params": self.net.bias}],
            lr=self.lr,
        )


def program_61_weight_decay():
    data = Data(num_train=20, num_val=100, num_inputs=200, batch_size=5)
    trainer = d2l.Trainer(max_epochs=4)
    for lambd in (0, 3):
        model = WeightDecayScratch(num_inputs=200, lambd=lambd, lr=0.01)
        model.board.yscale = "log"
        trainer.fit(model, data)
        print("L2 norm of w:", float(l2_penalty(model.w)))
        yield drawn(model)
    model = WeightDecay(wd=3, lr=0.01)
    model.board.yscale = "log"
    trainer.fit(model, data)
    print("L2 norm of w:", float(l2_penalty(model.get_w_b()[0])))
    yield drawn(model)


def program_62_clipped_gradients():
    class Steep(d2l.LinearRegression):
        def loss(self, y_hat, y):
            return super().loss(y_hat, y) * 1000

    data = d2l.SyntheticRegressionData(torch.tensor([2, -3.4]), 4.2, num_train=64, num_val=32)
    for num_gpus in (0, 100):
        model = Steep(lr=0.1)
        trainer = d2l.Trainer(max_epochs=2, gradient_clip_val=1, num_gpus=num_gpus)
        trainer.fit(model, data)
        norm = sum((p.grad**2).sum() for p in model.parameters()) ** 0.5
        print(f"{float(norm):.4f}", trainer.gradient_clip_val, trainer.gpus == [])
        yield drawn(model)

    class Unjudged(d2l.SyntheticRegressionData):
        def val_dataloader(self):
            return None

    model = d2l.LinearRegression(lr=0.03)
    d2l.Trainer(1).fit(model, Unjudged(torch.ones(2), 1.0, num_train=32, num_val=0))
    print(sorted(model.board.data))
    timer = d2l.Timer()
    time.sleep(0.001)
    print(timer.stop() > 0)


def program_63_kaggle_house_prices():
    class KaggleHouse(d2l.DataModule):
        def __init__(self, batch_size, train=None, val=None):
            super().__init__()
            self.save_hyperparameters()
            if self.train is None:
                generator = torch.Generator().manual_seed(1)
                self.train = torch.rand(60, 5, generator=generator) + 1

        def get_dataloader(self, train):
            data = self.train if train else self.val
            get_tensor = lambda x: x.type(torch.float32)  # noqa: E731
            tensors = (get_tensor(data[:, :-1]), torch.log(get_tensor(data[:, -1])).reshape(-1, 1))
            return self.get_tensorloader(tensors, train)

    def k_fold_data(data, k):
        rets, fold_size = [], data.train.shape[0] // k
        for j in range(k):
            idx = range(j * fold_size, (j + 1) * fold_size)
            keep = [i for i in range(len(data.train)) if i not in idx]
            rets.append(KaggleHouse(data.batch_size, data.train[keep], data.train[list(idx)]))
        return rets

    def k_fold(trainer, data, k, lr):
        val_loss, models = [], []
        for i, fold in enumerate(k_fold_data(data, k)):
            model = d2l.LinearRegression(lr)
            model.board.yscale = "log"
            if i != 0:
                model.board.display = False
            trainer.fit(model, fold)
            val_loss.append(float(model.board.data["val_loss"][-1].y))
            models.append(model)
        print(f"average validation log mse = {sum(val_loss) / len(val_loss)}")
        return models

    models = k_fold(d2l.Trainer(max_epochs=3), KaggleHouse(batch_size=16), k=5, lr=0.01)
    preds = [model(torch.ones(3, 4)) for model in models]
    yield torch.exp(torch.cat(preds, 1)).mean(1), [isinstance(m.net, nn.Linear) for m in models]


def program_81_walks_and_names():
    def f_2d(x1, x2):
        return 0.1 * x1**2 + 2 * x2**2

    def f_2d_grad(x1, x2):
        return (0.2 * x1, 4 * x2)

    def gd_2d(x1, x2, s1, s2, f_grad):
        g1, g2 = f_grad(x1, x2)
        return (x1 - 0.4 * g1, x2 - 0.4 * g2, 0, 0)

    def momentum_2d(x1, x2, v1, v2):
        v1, v2 = 0.5 * v1 + 0.2 * x1, 0.5 * v2 + 4 * x2
        return x1 - 0.6 * v1, x2 - 0.6 * v2, v1, v2

    def sgd_2d(x1, x2, s1, s2, f_grad):
        g1, g2 = f_grad(x1, x2)
        g1 += torch.normal(0.0, 1, (1,)).item()
        g2 += torch.normal(0.0, 1, (1,)).item()
        return (x1 - 0.1 * g1, x2 - 0.1 * g2, 0, 0)

    d2l.show_trace_2d(f_2d, d2l.train_2d(gd_2d, f_grad=f_2d_grad))
    d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))
    yield d2l.train_2d(sgd_2d, steps=5, f_grad=f_2d_grad)[-1][0] < 0
    x = d2l.arange(12, dtype=d2l.float32)
    X = d2l.reshape(x, (3, 4))
    print(d2l.size(X), d2l.reduce_sum(X, axis=1), d2l.reduce_mean(X), d2l.transpose(X).shape)
    print(d2l.concat((X, X), dim=1).shape, d2l.argmax(X, axis=1), d2l.astype(X, d2l.int32)[0])
    print(d2l.numpy(d2l.exp(d2l.zeros(2))), d2l.expand_dims(x, 1).shape, d2l.repeat(x, 2).shape)
    print(d2l.batch_matmul(d2l.ones(2, 1, 3), d2l.ones(2, 3, 1)).shape, d2l.to(x, d2l.cpu()).sum())
    print(d2l.stack([d2l.sin(x), d2l.abs(d2l.cos(x))]).shape, d2l.swapaxes(X, 0, 1).shape)
    yield d2l.normal(0, 1, (2, 2)), d2l.randn(2), d2l.sigmoid(x), d2l.tanh(x), d2l.linspace(0, 1, 5)
