//! No allocation in a training step: a counting allocator watches the kernels after one warm-up step.
#![allow(unsafe_code)]

use ndarray::{Array1, Array2};
use nn::init::uniform;
use nn::linear::Linear;
use nn::optim::{Method, Optimizer};
use nn::rng::stream;
use nn::softmax::{OutputScratch, log_probs, loss_grad, score};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

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
fn a_step_allocates_nothing() {
    const ROWS: usize = 210;
    const HIDDEN: usize = 40;
    const VOCAB: usize = 3000;
    let rng = &mut stream(1, "allocations");
    let mut layer =
        Linear { w: uniform::<f32>((HIDDEN, HIDDEN), 0.3, rng), b: Array1::zeros(HIDDEN) };
    let mut u = uniform::<f32>((VOCAB, HIDDEN), 0.3, rng);
    let x = uniform::<f32>((ROWS, HIDDEN), 1.0, rng);
    let targets: Vec<u32> = (0..ROWS as u32).map(|i| i * 13).collect();
    let b2 = Array1::zeros(VOCAB);
    let (mut h, mut d_h) = (Array2::zeros((ROWS, HIDDEN)), Array2::zeros((ROWS, HIDDEN)));
    let (mut d_u, mut d_b2) = (Array2::zeros((VOCAB, HIDDEN)), Array1::zeros(VOCAB));
    let mut grad = Linear::zeros(HIDDEN, HIDDEN);
    let mut optimizer = Optimizer::new(Method::ADAM, &[HIDDEN * HIDDEN, VOCAB * HIDDEN]);
    let mut scratch = OutputScratch::new(ROWS, HIDDEN, VOCAB);
    let (mut ln_p, mut all) = (vec![0.0; ROWS], vec![0.0; VOCAB]);

    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    let counts = pool.install(|| {
        let mut counts = [usize::MAX; 8];
        for count in &mut counts {
            let before = COUNT.load(Ordering::SeqCst);
            layer.forward(x.view(), h.view_mut());
            let (u_view, b2) = (u.view(), b2.view());
            let out = (d_h.view_mut(), d_u.view_mut(), d_b2.view_mut());
            loss_grad(u_view, b2, h.view(), &targets, 0.01, out.0, out.1, out.2, &mut scratch);
            score(u_view, b2, h.view(), &targets, &mut ln_p, &mut scratch);
            log_probs(u_view, b2, h.row(0), &mut all);
            layer.backward(x.view(), d_h.view(), None, &mut grad);
            let norm = nn::clip::norm([
                grad.w.as_slice().expect("contiguous"),
                d_u.as_slice().expect("contiguous"),
            ]);
            let mut params = [
                layer.w.as_slice_mut().expect("contiguous"),
                u.as_slice_mut().expect("contiguous"),
            ];
            let mut grads = [
                grad.w.as_slice_mut().expect("contiguous"),
                d_u.as_slice_mut().expect("contiguous"),
            ];
            optimizer.step_scaled(&mut params, &mut grads, 0.001, nn::clip::factor(norm, 1.0));
            *count = COUNT.load(Ordering::SeqCst) - before;
        }
        counts
    });
    // the first steps may grow rayon's queues and load tables
    assert_eq!(counts[2..], [0; 6], "allocations of eight steps: {counts:?}");
}
