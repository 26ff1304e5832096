//! No allocation in a training step: a counting allocator watches whole runs, from one step's end to the next one's.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use corpus::{Corpus, CorpusOptions};
use lm::Progress;
use nn::softmax::SoftmaxName;
use window::{WindowConfig, WindowRecipe};

/// The system's allocator, counting calls.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is handed on
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is handed on
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_training_step_allocates_nothing() {
    let sentence =
        |i: usize| (0..9).map(|k| format!("w{}", (i * k + k) % 40)).collect::<Vec<_>>().join(" ");
    let parts = [400, 20, 20].map(|n| (0..n).map(sentence).collect());
    let corpus = Corpus::from_sentences("made", &parts, "made".into(), CorpusOptions::default());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    let (full, adaptive) = (SoftmaxName::Full, SoftmaxName::Adaptive);
    for (direct, tied_positions, softmax) in
        [(false, false, full), (true, true, full), (false, false, adaptive)]
    {
        let training = nn::fit::Config { epochs: 2, ..Default::default() };
        let config = WindowConfig {
            direct,
            softmax,
            tied_positions,
            bags: 2 * usize::from(direct),
            batch_size: 200,
            training,
            ..WindowConfig::default()
        };
        let recipe = WindowRecipe::new(config);
        let mut counts = Vec::with_capacity(1000);
        pool.install(|| {
            let result = recipe.train_model(corpus.train_set(), &mut |progress| {
                if let Progress::Step { .. } = progress {
                    counts.push(COUNT.load(Ordering::SeqCst));
                }
                ControlFlow::Continue(())
            });
            assert!(result.is_ok());
        });
        // rayon may grow its queues and threads their packing buffers once; a step of ours that allocates does so always
        let steps: Vec<usize> = counts.windows(2).map(|w| w[1] - w[0]).collect();
        let early = &steps[4..steps.len() / 2 - 1]; // the last of an epoch validates
        let allocating = early.iter().filter(|&&n| n > 0).count();
        assert!(early.len() > 8 && allocating <= 2, "{steps:?}");
    }
}
