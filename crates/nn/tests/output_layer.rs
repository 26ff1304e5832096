//! The fused output layer against the formulas, central differences, and itself on other numbers of threads.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use nn::init::uniform;
use nn::rng::stream;
use nn::softmax::{OutputScratch, log_probs, loss_grad, score};
use nn::{Real, gemm};
use rand::Rng;

/// A random output layer: u, b2, h, targets.
struct Case<R> {
    u: Array2<R>,
    b2: Array1<R>,
    h: Array2<R>,
    targets: Vec<u32>,
}

impl<R: Real> Case<R> {
    fn new(rows: usize, hidden: usize, vocab: usize) -> Self {
        let mut rng = stream(5, "case");
        Self {
            u: uniform((vocab, hidden), 1.0, &mut rng),
            b2: uniform((1, vocab), 1.0, &mut rng).row(0).to_owned(),
            h: uniform((rows, hidden), 1.0, &mut rng),
            targets: (0..rows).map(|_| (rng.next_u64() % vocab as u64) as u32).collect(),
        }
    }

    /// Loss and gradients, added into zeros.
    fn run(&self, scale: f64) -> (f64, Array2<R>, Array2<R>, Array1<R>) {
        let (mut d_h, mut d_u) =
            (Array2::from_elem(self.h.dim(), R::nan()), Array2::zeros(self.u.dim()));
        let mut d_b2 = Array1::zeros(self.b2.dim());
        // room for more rows than there are
        let mut scratch = OutputScratch::new(self.h.nrows() + 5, self.h.ncols(), self.u.nrows());
        let loss = loss_grad(
            self.u.view(),
            self.b2.view(),
            self.h.view(),
            &self.targets,
            R::of(scale),
            d_h.view_mut(),
            d_u.view_mut(),
            d_b2.view_mut(),
            &mut scratch,
        );
        let square: f64 = d_u.iter().map(|x| x.as_f64() * x.as_f64()).sum();
        assert!((scratch.squared_norm() - square).abs() <= 1e-12 * square, "the norm of dU");
        (loss, d_h, d_u, d_b2)
    }
}

/// ŷ of every row by the definition, in f64.
fn softmax<R: Real>(u: ArrayView2<R>, b2: ArrayView1<R>, h: ArrayView2<R>) -> Array2<f64> {
    let f64s = |x: ArrayView2<R>| x.mapv(R::as_f64);
    let mut y = f64s(h).dot(&f64s(u).t());
    for mut row in y.rows_mut() {
        row += &b2.mapv(R::as_f64);
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|x| (x - max).exp());
        let sum = row.sum();
        row /= sum;
    }
    y
}

fn check_definition<R: Real>(shape: (usize, usize, usize), tolerance: f64) {
    let case = Case::<R>::new(shape.0, shape.1, shape.2);
    let y = softmax(case.u.view(), case.b2.view(), case.h.view());
    let (loss, d_h, d_u, d_b2) = case.run(0.25);
    let wanted: f64 = case.targets.iter().zip(y.rows()).map(|(&t, y)| -y[t as usize].ln()).sum();
    assert!(
        (loss - wanted).abs() <= tolerance * wanted.abs().max(1.0),
        "{shape:?}: loss {loss}, wanted {wanted}"
    );

    let mut d_z = y.clone();
    for (mut row, &t) in d_z.rows_mut().into_iter().zip(&case.targets) {
        row[t as usize] -= 1.0;
        row *= 0.25;
    }
    let (u, h) = (case.u.mapv(R::as_f64), case.h.mapv(R::as_f64));
    let close = |name: &str, got: Vec<f64>, wanted: Vec<f64>| {
        for (i, (g, w)) in got.iter().zip(&wanted).enumerate() {
            let most = tolerance * w.abs().max(1.0);
            assert!((g - w).abs() <= most, "{shape:?}: {name}[{i}] is {g}, wanted {w}");
        }
    };
    close("d_h", d_h.iter().map(|x| x.as_f64()).collect(), d_z.dot(&u).into_iter().collect());
    close(
        "d_u",
        d_u.iter().map(|x| x.as_f64()).collect(),
        d_z.t().dot(&h).iter().copied().collect(),
    );
    close(
        "d_b2",
        d_b2.iter().map(|x| x.as_f64()).collect(),
        d_z.sum_axis(ndarray::Axis(0)).to_vec(),
    );

    let mut scores = vec![0.0; shape.0];
    let mut scratch = OutputScratch::new(shape.0, shape.1, shape.2);
    score(case.u.view(), case.b2.view(), case.h.view(), &case.targets, &mut scores, &mut scratch);
    assert_eq!(
        loss,
        scores.iter().fold(0.0, |loss, ln_p| loss - ln_p),
        "{shape:?}: score against loss"
    );
    let mut all = vec![0.0; shape.2];
    for ((h, &target), ln_p) in case.h.rows().into_iter().zip(&case.targets).zip(&scores) {
        log_probs(case.u.view(), case.b2.view(), h, &mut all);
        let sum: f64 = all.iter().map(|x| x.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{shape:?}: probabilities sum to {sum}");
        assert!(
            (all[target as usize] - ln_p).abs() < tolerance,
            "{shape:?}: score against log_probs"
        );
    }
}

/// Vocabularies of less than a tile, of whole tiles, of tiles and a rest, of more tiles than groups; ragged rows;
/// more rows than go through at once.
const SHAPES: [(usize, usize, usize); 8] = [
    (1, 1, 1),
    (3, 5, 7),
    (16, 8, 256),
    (17, 9, 257),
    (33, 20, 2048),
    (20, 7, 2305),
    (5, 3, 5000),
    (1409, 2, 40),
];

#[test]
fn loss_and_gradients_follow_the_definition() {
    for shape in SHAPES {
        check_definition::<f32>(shape, 1e-5);
        check_definition::<f64>(shape, 1e-11);
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    const STEP: f64 = 1e-4;
    const SCALE: f64 = 0.7;
    for shape in [(4, 5, 6), (5, 3, 600)] {
        let mut case = Case::<f64>::new(shape.0, shape.1, shape.2);
        let (_, d_h, d_u, d_b2) = case.run(SCALE);
        let mut checked = 0;
        let mut check = |case: &mut Case<f64>,
                         name: &str,
                         cell: &dyn Fn(&mut Case<f64>) -> &mut f64,
                         got: f64| {
            let mut loss = |delta: f64| {
                *cell(case) += delta;
                let loss = case.run(SCALE).0;
                *cell(case) -= delta;
                loss
            };
            let wanted = SCALE * (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
            let error = (got - wanted).abs() / (got.abs() + wanted.abs()).max(1e-3);
            assert!(
                error < 1e-6,
                "{shape:?}: {name}: {got}, by differences {wanted}: error {error:e}"
            );
            checked += 1;
        };
        // every element where there are few, every eleventh of the larger vocabulary
        let stride = if shape.2 > 100 { 11 } else { 1 };
        for ((i, j), &d) in d_h.indexed_iter() {
            check(&mut case, "d_h", &|c| &mut c.h[[i, j]], d);
        }
        for ((i, j), &d) in d_u.indexed_iter().step_by(stride) {
            check(&mut case, "d_u", &|c| &mut c.u[[i, j]], d);
        }
        for (i, &d) in d_b2.indexed_iter().step_by(stride) {
            check(&mut case, "d_b2", &|c| &mut c.b2[i], d);
        }
        assert!(checked >= 56, "{checked} elements checked");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = Case::<f32>::new(40, 24, 3000);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| case.run(0.1))
    };
    let one = on(1);
    for threads in [2, 4] {
        assert_eq!(one, on(threads), "{threads} threads");
    }
}

#[test]
fn gradients_add_and_a_row_is_scored_alone_as_in_a_batch() {
    let case = Case::<f32>::new(21, 10, 700);
    let (_, _, once, _) = case.run(1.0);
    let (mut d_h, mut d_u) = (case.h.clone(), once.clone());
    let mut d_b2 = case.b2.clone();
    let mut scratch = OutputScratch::new(21, 10, 700);
    let (u, b2, h) = (case.u.view(), case.b2.view(), case.h.view());
    loss_grad(
        u,
        b2,
        h,
        &case.targets,
        1.0,
        d_h.view_mut(),
        d_u.view_mut(),
        d_b2.view_mut(),
        &mut scratch,
    );
    for (twice, once) in d_u.iter().zip(&once) {
        assert!((twice - 2.0 * once).abs() < 1e-4);
    }

    let mut batch = vec![0.0; 21];
    score(u, b2, h, &case.targets, &mut batch, &mut scratch);
    for (n, &wanted) in batch.iter().enumerate() {
        let mut alone = [0.0];
        score(u, b2, h.slice(s![n..=n, ..]), &case.targets[n..=n], &mut alone, &mut scratch);
        assert_eq!(alone[0], wanted, "row {n}");
    }
}

#[test]
fn large_logits_neither_overflow_nor_lose_the_target() {
    // one word far above the rest, in another tile than the target
    let mut case = Case::<f32>::new(3, 4, 600);
    case.b2[500] = 200.0;
    case.targets = vec![1, 500, 2];
    let y = softmax(
        case.u.mapv(f64::from).view(),
        case.b2.mapv(f64::from).view(),
        case.h.mapv(f64::from).view(),
    );
    let (loss, d_h, d_u, _) = case.run(1.0);
    let wanted: f64 = case.targets.iter().zip(y.rows()).map(|(&t, y)| -y[t as usize].ln()).sum();
    assert!((loss - wanted).abs() < 1e-4 * wanted, "loss {loss}, wanted {wanted}");
    assert!(d_h.iter().chain(&d_u).all(|x| x.is_finite()));
}

#[test]
fn a_tied_embedding_may_be_the_output_matrix() {
    // u is a block of a larger table, d_u a block of its gradient
    let table = uniform::<f64>((12, 4), 1.0, &mut stream(1, "table"));
    let mut d_table = Array2::zeros((12, 4));
    let h = uniform::<f64>((3, 4), 1.0, &mut stream(2, "h"));
    let (mut d_h, mut d_b2) = (Array2::zeros((3, 4)), Array1::zeros(10));
    let mut scratch = OutputScratch::new(3, 4, 10);
    let (u, d_u) = (table.slice(s![..10, ..]), d_table.slice_mut(s![..10, ..]));
    loss_grad(
        u,
        Array1::zeros(10).view(),
        h.view(),
        &[1, 2, 3],
        1.0,
        d_h.view_mut(),
        d_u,
        d_b2.view_mut(),
        &mut scratch,
    );
    let y = softmax(u, Array1::zeros(10).view(), h.view());
    let mut d_z = y;
    for (n, t) in [1, 2, 3].into_iter().enumerate() {
        d_z[[n, t]] -= 1.0;
    }
    let mut wanted = Array2::zeros((10, 4));
    gemm::gemm(1.0, d_z.t(), h.view(), 0.0, wanted.view_mut());
    assert!((&d_table.slice(s![..10, ..]) - &wanted).iter().all(|x| x.abs() < 1e-12));
    assert!(d_table.slice(s![10.., ..]).iter().all(|&x| x == 0.0));
}
