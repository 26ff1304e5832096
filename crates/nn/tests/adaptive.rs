//! The adaptive softmax against its formulas, central differences, and itself on other numbers of threads.

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use nn::Real;
use nn::init::uniform;
use nn::linear::Linear;
use nn::rng::stream;
use nn::softmax::adaptive::{Adaptive, AdaptiveScratch, Narrow, Tail, log_probs, loss_grad, score};
use nn::softmax::{Clusters, ClustersError};
use rand::Rng;

/// Random weights of three clusters over 37 words, random word vectors, h and targets. Words of a layer with matrices of its
/// own are in a scrambled order; tied ones cannot be.
struct Case<R> {
    rank: Vec<u32>,
    clusters: Clusters,
    weights: Adaptive<R>,
    table: Array2<R>,
    h: Array2<R>,
    targets: Vec<u32>,
}

/// What a run gives: the loss and the gradients of h, of the word vectors and of the weights.
type Gradients<R> = (f64, Array2<R>, Array2<R>, Adaptive<R>);

const VOCAB: u32 = 37;
const HIDDEN: usize = 12;
const ROWS: usize = 25;

impl<R: Real> Case<R> {
    fn new(tied: bool) -> Self {
        let rng = &mut stream(9, "adaptive");
        // 11 and 37 have no common factor: a permutation
        let rank: Vec<u32> =
            (0..VOCAB).map(|word| if tied { word } else { word * 11 % VOCAB }).collect();
        let clusters =
            Clusters::new(rank.clone(), &[10, 20, 33]).expect("a permutation and rising cuts");
        let mut weights = Adaptive::zeros(&clusters, HIDDEN, 2, tied);
        assert_eq!(weights.tied(), tied);
        for tensor in tensors(&mut weights) {
            let random = uniform((1, tensor.len()), 1.0, rng);
            tensor.iter_mut().zip(&random).for_each(|(to, &x)| *to = x);
        }
        let targets = (0..ROWS).map(|_| (rng.next_u64() % u64::from(VOCAB)) as u32).collect();
        let (h, table) = ((ROWS, HIDDEN), (VOCAB as usize, HIDDEN));
        let [h, table] = [h, table].map(|shape| uniform(shape, 1.0, rng));
        Self { rank, clusters, weights, table, h, targets }
    }

    fn run(&self, scale: f64) -> Gradients<R> {
        let mut d_h = Array2::from_elem(self.h.dim(), R::nan());
        let mut d_table = Array2::zeros(self.table.dim());
        let mut grad = Adaptive::zeros(&self.clusters, HIDDEN, 2, self.weights.tied());
        let mut scratch = AdaptiveScratch::new(ROWS + 3, &self.weights);
        let loss = loss_grad(
            &self.clusters,
            &self.weights,
            self.table.view(),
            self.h.view(),
            &self.targets,
            R::of(scale),
            d_h.view_mut(),
            &mut grad,
            d_table.view_mut(),
            &mut scratch,
        );
        (loss, d_h, d_table, grad)
    }
}

/// Every matrix and bias.
fn tensors<R>(weights: &mut Adaptive<R>) -> Vec<&mut [R]> {
    let flat = "standard layout";
    let Linear { w, b } = &mut weights.head;
    let mut all = vec![w.as_slice_mut().expect(flat), b.as_slice_mut().expect(flat)];
    for Tail { own, b } in &mut weights.tails {
        if let Some(Narrow { project, w }) = own {
            all.push(project.as_slice_mut().expect(flat));
            all.push(w.as_slice_mut().expect(flat));
        }
        all.push(b.as_slice_mut().expect(flat));
    }
    all
}

/// ln ŷ of one word by the formula, in f64.
fn oracle(case: &Case<f64>, n: usize, word: u32) -> f64 {
    let ln_softmax = |w: ArrayView2<f64>, b: &Array1<f64>, h: &Array1<f64>, row: usize| {
        let z = w.dot(h) + b;
        z[row] - z.mapv(f64::exp).sum().ln()
    };
    let (h, Linear { w, b }) = (case.h.row(n).to_owned(), &case.weights.head);
    let own_rows = w.nrows();
    let u_head = match case.weights.tied() {
        true => concatenate![Axis(0), case.table.slice(s![..10, ..]), *w],
        false => w.clone(),
    };
    assert_eq!((u_head.nrows(), own_rows), (13, if case.weights.tied() { 3 } else { 13 }));
    let rank = case.rank[word as usize] as usize;
    let cluster =
        [(10, 20), (20, 33), (33, 37)].iter().position(|&(from, to)| (from..to).contains(&rank));
    match cluster {
        None => ln_softmax(u_head.view(), b, &h, rank),
        Some(i) => {
            let (tail, from, to) = (&case.weights.tails[i], [10, 20, 33][i], [20, 33, 37][i]);
            let inside = match &tail.own {
                Some(Narrow { project, w }) => {
                    ln_softmax(w.view(), &tail.b, &project.dot(&h), rank - from)
                }
                None => ln_softmax(case.table.slice(s![from..to, ..]), &tail.b, &h, rank - from),
            };
            ln_softmax(u_head.view(), b, &h, 10 + i) + inside
        }
    }
}

#[test]
fn loss_score_and_distribution_follow_the_formula_and_sum_to_one() {
    for case in [Case::<f64>::new(false), Case::new(true)] {
        let (loss, ..) = case.run(1.0);
        let wanted: f64 = (0..ROWS).map(|n| -oracle(&case, n, case.targets[n])).sum();
        assert!((loss - wanted).abs() < 1e-10, "loss {loss}, wanted {wanted}");
        let Case { clusters, weights, table, h, targets, .. } = &case;
        let (mut scratch, mut scores) = (AdaptiveScratch::new(ROWS, weights), vec![0.0; ROWS]);
        score(clusters, weights, table.view(), h.view(), targets, &mut scores, &mut scratch);
        let mut all = vec![0.0; VOCAB as usize];
        for (n, &ln_p) in scores.iter().enumerate() {
            assert!((ln_p - oracle(&case, n, case.targets[n])).abs() < 1e-12, "row {n}");
            log_probs(clusters, weights, table.view(), h.row(n), &mut all, &mut scratch);
            for word in 0..VOCAB {
                let wanted = oracle(&case, n, word);
                assert!((all[word as usize] - wanted).abs() < 1e-12, "row {n}, word {word}");
            }
            let sum: f64 = all.iter().map(|x| x.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "probabilities sum to {sum}");
        }
    }
}

/// A tensor of a case that may be moved: h, the word vectors, then the weights.
fn moved(case: &mut Case<f64>, tensor: usize) -> &mut [f64] {
    match tensor {
        0 => case.h.as_slice_mut().expect("standard layout"),
        1 => case.table.as_slice_mut().expect("standard layout"),
        t => tensors(&mut case.weights).swap_remove(t - 2),
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    const STEP: f64 = 1e-4;
    const SCALE: f64 = 0.3;
    for (mut case, wanted_tensors) in [(Case::<f64>::new(false), 11), (Case::new(true), 5)] {
        let (_, d_h, d_table, mut grad) = case.run(SCALE);
        let weights = tensors(&mut grad);
        assert_eq!(weights.len(), wanted_tensors);
        let [d_h, d_table] = [&d_h, &d_table].map(|d| d.as_slice().expect("standard layout"));
        let all = [d_h, d_table].into_iter().chain(weights.into_iter().map(|w| &*w));
        for (tensor, gradient) in all.enumerate() {
            for (i, &got) in gradient.iter().enumerate() {
                let mut at = |delta: f64| {
                    moved(&mut case, tensor)[i] += delta;
                    let loss = case.run(SCALE).0;
                    moved(&mut case, tensor)[i] -= delta;
                    loss
                };
                let wanted = SCALE * (at(STEP) - at(-STEP)) / (2.0 * STEP);
                let error = (got - wanted).abs() / (got.abs() + wanted.abs()).max(1e-3);
                assert!(error < 1e-6, "tensor {tensor}, {i}: {got}, by differences {wanted}");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for case in [Case::<f32>::new(false), Case::new(true)] {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(|| case.run(0.1))
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(4));
    }
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
