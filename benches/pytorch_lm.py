#!/usr/bin/env python3
"""PyTorch's side of pytorch.sh and time_to_perplexity.sh: the suite's networks, trained and scored on the CPU.

    python3 pytorch_lm.py --model rnn --data DIR --hidden 200 --batch 20 --bptt 35 --seconds 30
    python3 pytorch_lm.py --model lstm --data DIR --epochs 3 --validations 4 --dropout 0.2

DIR holds ptb.train.txt and ptb.valid.txt, a sentence a line. What is computed is what `harness` computes: float32, full
softmax, mean cross-entropy of a step's tokens, global-norm clipping, Adam under a warm-up and half a cosine (a constant
rate with --seconds), recurrent state carried from step to step, the text's first token predicted from </s>. One JSON line:
training tokens a second after the first 20 steps (optimizer included, validation left out), scoring of the validation text
as one stream and batched (512 rows a step either way, as in `harness speed`), peak resident memory of training, and the
learning curve as [seconds, validation perplexity], validations included in the seconds.
"""
import argparse
import json
import math
import resource
import time
from pathlib import Path

import torch
from torch.nn import functional

SCORE_ROWS, SCORE_LANES, WARM_UP_STEPS = 512, 32, 20


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["rnn", "gru", "lstm", "window"], required=True)
    parser.add_argument("--data", type=Path, required=True)
    for name, value in dict(hidden=200, emsize=0, n=5, batch=20, bptt=35, epochs=0, validations=1, threads=2, seed=1).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, value in dict(lr=2e-3, clip=1.0, dropout=0.0, warmup=0.02, seconds=0.0).items():
        parser.add_argument(f"--{name}", type=float, default=value)
    asked = parser.parse_args()
    if bool(asked.epochs) == bool(asked.seconds):
        parser.error("give --epochs (a learning curve) or --seconds (speed)")
    asked.emsize = asked.emsize or asked.hidden
    return asked


class Corpus:
    """Token ids; the vocabulary is the training text's."""

    def __init__(self, folder):
        words = self.words(folder / "ptb.train.txt")
        self.ids = {word: i for i, word in enumerate(dict.fromkeys(words + ["</s>", "<unk>"]))}
        self.train = self.encode(words)
        self.valid = self.encode(self.words(folder / "ptb.valid.txt"))

    @staticmethod
    def words(path):
        return [word for line in path.read_text().splitlines() for word in [*line.split(), "</s>"]]

    def encode(self, words):
        return torch.tensor([self.ids.get(word, self.ids["<unk>"]) for word in words])

    def shifted(self, text):
        """What stands before each token."""
        return torch.cat([torch.tensor([self.ids["</s>"]]), text[:-1]])


class Recurrent(torch.nn.Module):
    """Embedding, one recurrent layer, output."""

    def __init__(self, asked, vocab):
        super().__init__()
        self.encoder = torch.nn.Embedding(vocab, asked.emsize)
        layer = dict(rnn=torch.nn.RNN, gru=torch.nn.GRU, lstm=torch.nn.LSTM)[asked.model]
        self.rnn = layer(asked.emsize, asked.hidden)
        self.decoder = torch.nn.Linear(asked.hidden, vocab)
        self.dropout, self.state = asked.dropout, None

    def forward(self, inputs):
        """Logits of inputs [steps, lanes]; the state stays for the next call."""
        dropped = functional.dropout(self.encoder(inputs), self.dropout, self.training)
        outputs, state = self.rnn(dropped, self.state)
        self.state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        return self.decoder(functional.dropout(outputs, self.dropout, self.training)).flatten(0, 1)

    def batches(self, corpus, text, lanes, steps):
        """Inputs [steps, lanes] and targets, along equal stretches of the text."""
        self.state = None
        length = len(text) // lanes
        rows = [x[: lanes * length].view(lanes, length).t() for x in (corpus.shifted(text), text)]
        for inputs, targets in zip(*(x.split(steps) for x in rows)):
            yield inputs.contiguous(), targets.flatten()


class Window(torch.nn.Module):
    """Bengio's network: n - 1 word vectors, one hidden layer."""

    def __init__(self, asked, vocab):
        super().__init__()
        self.encoder = torch.nn.Embedding(vocab, asked.emsize)
        self.hidden = torch.nn.Linear((asked.n - 1) * asked.emsize, asked.hidden)
        self.decoder = torch.nn.Linear(asked.hidden, vocab)
        self.dropout, self.context = asked.dropout, asked.n - 1

    def forward(self, inputs):
        """Logits of contexts [examples, n - 1]."""
        hidden = torch.tanh(self.hidden(self.encoder(inputs).flatten(1)))
        return self.decoder(functional.dropout(hidden, self.dropout, self.training))

    def batches(self, corpus, text, examples, _):
        """Contexts and targets: in a new order in training, in the text's otherwise."""
        start = torch.full((self.context,), corpus.ids["</s>"])
        contexts = torch.cat([start, text[:-1]]).unfold(0, self.context, 1)
        order = torch.randperm(len(text)) if self.training else torch.arange(len(text))
        for chosen in order.split(examples):
            yield contexts[chosen], text[chosen]


@torch.no_grad()
def score(net, corpus, lanes, steps):
    """Perplexity of the validation text, and its tokens a second."""
    net.eval()
    start, nats, tokens = time.perf_counter(), 0.0, 0
    for inputs, targets in net.batches(corpus, corpus.valid, lanes, steps):
        nats += functional.cross_entropy(net(inputs), targets, reduction="sum").item()
        tokens += len(targets)
    net.train()
    return math.exp(nats / tokens), tokens / (time.perf_counter() - start)


def cosine(warmup, total):
    """The factor on the rate at each step."""

    def factor(step):
        at = (step + 0.5) / total
        if at < warmup:
            return at / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (at - warmup) / (1 - warmup))))

    return factor


def train(net, corpus, asked):
    """Trains for some seconds, or whole epochs; tokens a second, and the learning curve."""
    per_epoch = sum(1 for _ in net.batches(corpus, corpus.train, asked.batch, asked.bptt))
    adam = torch.optim.Adam(net.parameters(), lr=asked.lr)
    factor = cosine(asked.warmup, asked.epochs * per_epoch) if asked.epochs else lambda _: 1.0
    rate = torch.optim.lr_scheduler.LambdaLR(adam, factor)
    curve, step, timed, tokens = [], 0, 0.0, 0
    start, epoch = time.perf_counter(), 0
    while not asked.epochs or epoch < asked.epochs:
        for batch, (inputs, targets) in enumerate(net.batches(corpus, corpus.train, asked.batch, asked.bptt), 1):
            before = time.perf_counter()
            adam.zero_grad()
            functional.cross_entropy(net(inputs), targets).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), asked.clip)
            adam.step()
            rate.step()
            step += 1
            if step > WARM_UP_STEPS:
                timed, tokens = timed + time.perf_counter() - before, tokens + len(targets)
            if asked.seconds and time.perf_counter() - start > asked.seconds:
                return tokens / max(timed, 1e-9), curve
            if asked.epochs and batch * asked.validations // per_epoch > (batch - 1) * asked.validations // per_epoch:
                state = getattr(net, "state", None)
                perplexity, _ = score(net, corpus, *batched(asked))
                net.state = state
                curve.append([round(time.perf_counter() - start, 2), round(perplexity, 3)])
        epoch += 1
    return tokens / max(timed, 1e-9), curve


def batched(asked):
    return (SCORE_ROWS, 1) if asked.model == "window" else (SCORE_LANES, SCORE_ROWS // SCORE_LANES)


def main():
    asked = options()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    corpus = Corpus(asked.data)
    net = (Window if asked.model == "window" else Recurrent)(asked, len(corpus.ids))
    for tensor in net.parameters():
        torch.nn.init.uniform_(tensor, -0.1, 0.1)
    speed, curve = train(net, corpus, asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    stream = (SCORE_ROWS, 1) if asked.model == "window" else (1, SCORE_ROWS)
    # the first pass warms up
    speeds = [[score(net, corpus, *shape)[1] for _ in range(3)][1:] for shape in (stream, batched(asked))]
    print(json.dumps(dict(
        model=asked.model, hidden=asked.hidden, batch=asked.batch, bptt=asked.bptt, threads=asked.threads,
        torch=torch.__version__, params=sum(tensor.numel() for tensor in net.parameters()),
        train_tok_s=round(speed), eval_stream_tok_s=round(max(speeds[0])), eval_tok_s=round(max(speeds[1])),
        peak_rss_mib=peak, curve=curve,
    )))


if __name__ == "__main__":
    main()
