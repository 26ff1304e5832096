//! How large the neural models of a preset are, and how long they train: the only place of these numbers.
//!
//! Sizes were chosen on the validation text of the embedded language and of PTB (METHODOLOGY.md, "Presets").
use nn::fit::Config;
use rnn::{CellName, RnnConfig};
use window::WindowConfig;

use crate::registry::{Preset, Setting};

/// Training tokens up to which a text counts as small: the embedded language at its default length.
const SMALL: usize = 500_000;

/// A fixed-window network.
pub fn window(setting: &Setting) -> WindowConfig {
    let small = setting.tokens <= SMALL;
    let (emsize, nhid, epochs, dropout) = match (setting.preset, small) {
        (Preset::Quick, _) => (32, 48, 1, 0.0),
        (Preset::Default, true) => (64, 96, 3, 0.1),
        (Preset::Default, false) => (100, 200, 4, 0.3),
        (Preset::Full, _) => (200, 400, 20, 0.5),
    };
    WindowConfig {
        emsize,
        nhid,
        dropout,
        seed: setting.seed,
        training: Config { epochs, lr: 4e-3, ..Config::default() },
        ..WindowConfig::default()
    }
}

/// A recurrent network.
pub fn recurrent(cell: CellName, setting: &Setting) -> RnnConfig {
    let small = setting.tokens <= SMALL;
    let (nhid, epochs, dropout) = match (setting.preset, small) {
        (Preset::Quick, _) => (48, 1, 0.0),
        (Preset::Default, true) => (96, 3, 0.1),
        (Preset::Default, false) => (200, 3, 0.2),
        (Preset::Full, _) => (400, 20, 0.5),
    };
    RnnConfig {
        cell,
        nhid,
        dropout,
        seed: setting.seed,
        training: Config { epochs, lr: 4e-3, ..Config::default() },
        ..RnnConfig::default()
    }
}
