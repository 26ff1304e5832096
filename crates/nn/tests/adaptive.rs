//! The adaptive softmax against its formulas, central differences, and itself on other numbers of threads.

use ndarray::{Array1, Array2};
use nn::Real;
use nn::init::uniform;
use nn::rng::stream;
use nn::softmax::adaptive::{Adaptive, AdaptiveScratch, Tail, log_probs, loss_grad, score};
use nn::softmax::{Clusters, ClustersError};
use rand::Rng;

/// Random weights of three clusters over 37 words in a scrambled order, random h and targets.
struct Case<R> {
    clusters: Clusters,
    weights: Adaptive<R>,
    h: Array2<R>,
    targets: Vec<u32>,
}

const VOCAB: u32 = 37;
const HIDDEN: usize = 12;
const ROWS: usize = 25;

impl<R: Real> Case<R> {
    fn new() -> Self {
        let rng = &mut stream(9, "adaptive");
        // 11 and 37 have no common factor: a permutation
        let rank = (0..VOCAB).map(|word| word * 11 % VOCAB).collect();
        let clusters = Clusters::new(rank, &[10, 20, 33]).expect("a permutation and rising cuts");
        let mut weights = Adaptive::zeros(&clusters, HIDDEN, 2);
        for (w, b) in tensors(&mut weights) {
            *w = uniform(w.dim(), 1.0, rng);
            if let Some(b) = b {
                *b = uniform((1, b.len()), 1.0, rng).row(0).to_owned();
            }
        }
        let targets = (0..ROWS).map(|_| (rng.next_u64() % u64::from(VOCAB)) as u32).collect();
        Self { clusters, weights, h: uniform((ROWS, HIDDEN), 1.0, rng), targets }
    }

    fn run(&self, scale: f64) -> (f64, Array2<R>, Adaptive<R>) {
        let mut d_h = Array2::from_elem(self.h.dim(), R::nan());
        let mut grad = Adaptive::zeros(&self.clusters, HIDDEN, 2);
        let mut scratch = AdaptiveScratch::new(ROWS + 3, &self.weights);
        let loss = loss_grad(
            &self.clusters,
            &self.weights,
            self.h.view(),
            &self.targets,
            R::of(scale),
            d_h.view_mut(),
            &mut grad,
            &mut scratch,
        );
        (loss, d_h, grad)
    }
}

/// Every matrix, with its bias where there is one.
fn tensors<R>(weights: &mut Adaptive<R>) -> Vec<(&mut Array2<R>, Option<&mut Array1<R>>)> {
    let mut all = vec![(&mut weights.head.w, Some(&mut weights.head.b))];
    for Tail { project, output } in &mut weights.tails {
        all.push((project, None));
        all.push((&mut output.w, Some(&mut output.b)));
    }
    all
}

/// ln ŷ of one word by the formula, in f64.
fn oracle(case: &Case<f64>, n: usize, word: u32) -> f64 {
    let ln_softmax = |w: &Array2<f64>, b: &Array1<f64>, h: &Array1<f64>, row: usize| {
        let z = w.dot(h) + b;
        z[row] - z.mapv(f64::exp).sum().ln()
    };
    let h = case.h.row(n).to_owned();
    let head = &case.weights.head;
    let rank = (word * 11 % VOCAB) as usize;
    let cluster =
        [(10, 20), (20, 33), (33, 37)].iter().position(|&(from, to)| (from..to).contains(&rank));
    match cluster {
        None => ln_softmax(&head.w, &head.b, &h, rank),
        Some(i) => {
            let tail = &case.weights.tails[i];
            let inside = ln_softmax(
                &tail.output.w,
                &tail.output.b,
                &tail.project.dot(&h),
                rank - [10, 20, 33][i],
            );
            ln_softmax(&head.w, &head.b, &h, 10 + i) + inside
        }
    }
}

#[test]
fn loss_score_and_distribution_follow_the_formula_and_sum_to_one() {
    let case = Case::<f64>::new();
    let (loss, _, _) = case.run(1.0);
    let wanted: f64 = (0..ROWS).map(|n| -oracle(&case, n, case.targets[n])).sum();
    assert!((loss - wanted).abs() < 1e-10, "loss {loss}, wanted {wanted}");
    let mut scratch = AdaptiveScratch::new(ROWS, &case.weights);
    let mut scores = vec![0.0; ROWS];
    score(&case.clusters, &case.weights, case.h.view(), &case.targets, &mut scores, &mut scratch);
    let mut all = vec![0.0; VOCAB as usize];
    for (n, &ln_p) in scores.iter().enumerate() {
        assert!((ln_p - oracle(&case, n, case.targets[n])).abs() < 1e-12, "row {n}");
        log_probs(&case.clusters, &case.weights, case.h.row(n), &mut all, &mut scratch);
        for word in 0..VOCAB {
            assert!(
                (all[word as usize] - oracle(&case, n, word)).abs() < 1e-12,
                "row {n}, word {word}"
            );
        }
        let sum: f64 = all.iter().map(|x| x.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "probabilities sum to {sum}");
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    const STEP: f64 = 1e-4;
    const SCALE: f64 = 0.3;
    let mut case = Case::<f64>::new();
    let (_, d_h, mut grad) = case.run(SCALE);
    let close = |name: &str, got: f64, plus: f64, minus: f64| {
        let wanted = SCALE * (plus - minus) / (2.0 * STEP);
        let error = (got - wanted).abs() / (got.abs() + wanted.abs()).max(1e-3);
        assert!(error < 1e-6, "{name}: {got}, by differences {wanted}: error {error:e}");
    };
    for ((n, k), &d) in d_h.indexed_iter() {
        let mut at = |delta: f64| {
            case.h[[n, k]] += delta;
            let loss = case.run(SCALE).0;
            case.h[[n, k]] -= delta;
            loss
        };
        close("d_h", d, at(STEP), at(-STEP));
    }
    let tensors_of_grad = tensors(&mut grad);
    assert_eq!(tensors_of_grad.len(), 7);
    for (t, (d_w, d_b)) in tensors_of_grad.into_iter().enumerate() {
        for ((i, j), &d) in d_w.indexed_iter() {
            let mut at = |delta: f64| {
                tensors(&mut case.weights)[t].0[[i, j]] += delta;
                let loss = case.run(SCALE).0;
                tensors(&mut case.weights)[t].0[[i, j]] -= delta;
                loss
            };
            close(&format!("matrix {t}"), d, at(STEP), at(-STEP));
        }
        for (i, &d) in d_b.iter().flat_map(|b| b.indexed_iter()) {
            let mut at = |delta: f64| {
                let shift = |case: &mut Case<f64>, delta: f64| {
                    tensors(&mut case.weights)[t].1.as_mut().expect("a bias")[i] += delta;
                };
                shift(&mut case, delta);
                let loss = case.run(SCALE).0;
                shift(&mut case, -delta);
                loss
            };
            close(&format!("bias {t}"), d, at(STEP), at(-STEP));
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case::<f32>::new();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| case.run(0.1))
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(4));
}

#[test]
fn impossible_clusters_are_refused() {
    assert!(Clusters::new(vec![0, 1, 2], &[1, 2]).is_ok());
    assert_eq!(
        Clusters::new(vec![0, 1, 1], &[1]),
        Err(ClustersError::Rank { word: 2, rank: 1, vocab: 3 })
    );
    assert!(matches!(Clusters::new(vec![0, 3, 1], &[1]), Err(ClustersError::Rank { word: 1, .. })));
    for cuts in [&[][..], &[0], &[3], &[2, 1], &[1, 1]] {
        let refused = Clusters::new(vec![0, 1, 2], cuts);
        assert_eq!(refused, Err(ClustersError::Cuts { cuts: cuts.to_vec(), vocab: 3 }));
    }
    assert_eq!(Clusters::by_count(&[5, 9, 5, 7], &[2]), Clusters::new(vec![2, 0, 3, 1], &[2]));
}
