//! Agreement with PyTorch, where `python3` has it: the weights go over as a safetensors file that `load_state_dict` takes
//! as it is; log-probabilities, loss and every gradient come back and agree within 1e-5 of their tensor's largest number.

use std::process::Command;

use corpus::{TokenId, Tokenizer, Vocab};
use lm::LanguageModel;
use nn::activation::Activation;
use nn::params::Params;
use nn::rng::{standard_normal, stream};
use nn::tensorfile::{Entry, TensorFile, write};
use rnn::{Backbone, Batch, CellName, RnnConfig, RnnModel, Work};

const LANES: usize = 3;
const STEPS: usize = 6;

const SCRIPT: &str = r#"
import sys, json, torch
from torch import nn
from safetensors.torch import load_file, save_file
folder, steps, lanes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for name in sys.argv[4:]:
    weights = load_file(f"{folder}/{name}.safetensors")
    data = load_file(f"{folder}/{name}.batch.safetensors")
    V, E = weights["encoder.weight"].shape
    H = weights["rnn.weight_hh_l0"].shape[1]
    layers = sum(k.startswith("rnn.weight_hh") for k in weights)
    kind = name.split("-")[0]
    make = {"tanh": lambda *a: nn.RNN(*a, nonlinearity="tanh"), "relu": lambda *a: nn.RNN(*a, nonlinearity="relu"),
            "gru": nn.GRU, "lstm": nn.LSTM}[kind]
    model = nn.ModuleDict(dict(encoder=nn.Embedding(V, E), rnn=make(E, H, layers), decoder=nn.Linear(H, V)))
    model.load_state_dict(weights, strict=True)
    x = data["inputs"].long().view(steps, lanes)
    h = data["state"].view(layers, lanes, -1)
    h = (h[..., :H].contiguous(), h[..., H:].contiguous()) if kind == "lstm" else h
    y, _ = model["rnn"](model["encoder"](x), h)
    logits = model["decoder"](y).view(-1, V)
    loss = nn.functional.cross_entropy(logits, data["targets"].long())
    loss.backward()
    out = {"grad." + k: p.grad.contiguous() for k, p in model.named_parameters()}
    out["loss"] = loss.detach().view(1)
    # one lane from a zero state, token by token: what a reader does
    y, _ = model["rnn"](model["encoder"](data["text"].long().view(-1, 1)))
    out["log_probs"] = model["decoder"](y).view(-1, V).log_softmax(1).detach().contiguous()
    save_file(out, f"{folder}/{name}.out.safetensors")
"#;

fn vocab() -> Vocab {
    let words = (0..9).map(|i| format!("w{i}")).chain(["</s>".into(), "<unk>".into()]);
    Vocab::new(words.map(|w| (w.into_boxed_str(), 1)).collect(), Tokenizer::Space)
}

fn model(cell: CellName, sigma: Activation, nlayers: usize) -> RnnModel {
    let config = RnnConfig { cell, sigma, nlayers, emsize: 10, nhid: 8, ..RnnConfig::default() };
    let vocab = vocab();
    let mut net = Backbone::<f32>::zeros(&config.architecture(vocab.len()));
    let mut rng = stream(3, "test weights");
    net.tensors_mut(&mut |t| {
        t.data.iter_mut().for_each(|x| *x = 0.5 * standard_normal(&mut rng) as f32)
    });
    RnnModel::new(net, config, vocab)
}

fn agree(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.0f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= 1e-5 * largest,
            "{what}[{i}]: {a} here, {b} in PyTorch, largest {largest}"
        );
    }
}

#[test]
fn logits_loss_and_every_gradient() {
    if !corpus::testing::python_has("torch, safetensors") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("tanh-1", model(CellName::Rnn, Activation::Tanh, 1)),
        ("tanh-2", model(CellName::Rnn, Activation::Tanh, 2)),
        ("relu-1", model(CellName::Rnn, Activation::Relu, 1)),
        ("gru-1", model(CellName::Gru, Activation::Tanh, 1)),
        ("gru-2", model(CellName::Gru, Activation::Tanh, 2)),
        ("lstm-1", model(CellName::Lstm, Activation::Tanh, 1)),
        ("lstm-2", model(CellName::Lstm, Activation::Tanh, 2)),
    ];
    let ids =
        |seed: u32, n: usize| (0..n as u32).map(|i| (i * i + seed) % 11).collect::<Vec<u32>>();
    let (inputs, targets, text) = (ids(1, LANES * STEPS), ids(5, LANES * STEPS), ids(9, 12)); // 9 is </s>
    let file = |name: &str, kind: &str| folder.path().join(format!("{name}{kind}.safetensors"));
    let mut states = Vec::new();
    for (name, model) in &cases {
        model.save(&file(name, ""), model.vocab()).unwrap();
        let mut rng = stream(4, name);
        let width = model.net.cell.rule::<f32>().states() * 8 * model.net.layers.len() * LANES;
        states
            .push((0..width).map(|_| 0.5 * standard_normal(&mut rng) as f32).collect::<Vec<f32>>());
        let float = |ids: &[u32]| ids.iter().map(|&i| i as f32).collect::<Vec<f32>>();
        let numbers =
            [float(&inputs), float(&targets), float(&text), states[states.len() - 1].clone()];
        let names = ["inputs", "targets", "text", "state"];
        let entry = |(name, data)| Entry {
            name: String::from(name),
            dims: vec![<Vec<f32>>::len(data)],
            data,
        };
        let list = names.into_iter().zip(&numbers).map(entry).collect();
        write(&file(name, ".batch"), list, Default::default()).unwrap();
    }
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(folder.path()).args([STEPS, LANES].map(|n| n.to_string()));
    let output = python.args(cases.iter().map(|(name, _)| name)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    for ((name, model), state) in cases.iter().zip(&states) {
        let theirs = TensorFile::read(&file(name, ".out")).unwrap();
        let (mut work, mut grad) = (Work::new(&model.net, LANES, STEPS), model.net.zeros_like());
        work.restore(state);
        let batch = Batch { steps: STEPS, inputs: &inputs, targets: &targets, resets: &[] };
        let loss = model.net.loss_grad(batch, None, &mut work, &mut grad) / inputs.len() as f64;
        agree(&format!("{name}: loss"), &[loss as f32], &theirs.get("loss").unwrap().1);
        grad.tensors(&mut |t| {
            let theirs = theirs.get(&format!("grad.{}", t.name)).unwrap().1;
            agree(&format!("{name}: gradient of {}", t.name), t.data, &theirs);
        });
        let (_, theirs) = theirs.get::<f32>("log_probs").unwrap();
        let mut reader = model.reader(); // it has been fed text[0], </s>
        for (t, theirs) in theirs.chunks(11).enumerate() {
            let mut log_probs = vec![0.0; 11];
            reader.log_probs(&mut log_probs);
            let ours: Vec<f32> = log_probs.iter().map(|&p| p as f32).collect();
            agree(&format!("{name}: log-probabilities after {} tokens", t + 1), &ours, theirs);
            text.get(t + 1).into_iter().for_each(|&next| reader.feed(TokenId(next)));
        }
    }
}
