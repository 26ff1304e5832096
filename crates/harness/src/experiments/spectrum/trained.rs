//! Eigenvalues and singular values of W_h in networks before and after their training on the text, by σ.
use anyhow::Result;
use nn::activation::Activation;
use nn::spectrum::{Eigen, singular_values};
use rnn::{CellName, Init, RnnConfig};

use super::super::nets::{FewWords, of_fresh_and_trained, one_layer, sigma_name};
use super::HIDDEN;
use crate::lab::*;

/// W_h of a network.
pub(super) struct Matrix {
    sigma: Activation,
    seed: u64,
    trained: bool,
    /// Real and imaginary parts, by falling modulus.
    eigenvalues: Vec<(f64, f64)>,
    /// Falling.
    singular: Vec<f64>,
}

impl Matrix {
    /// The moduli of the eigenvalues, falling; the first is the spectral radius.
    fn moduli(&self) -> impl Iterator<Item = f64> + '_ {
        self.eigenvalues.iter().map(|(re, im)| re.hypot(*im))
    }

    fn radius(&self) -> f64 {
        self.moduli().next().unwrap_or(0.0)
    }

    /// The largest singular value: the norm β_W of the bound.
    fn norm(&self) -> f64 {
        self.singular.first().copied().unwrap_or(0.0)
    }

    fn state(&self) -> &'static str {
        if self.trained { "trained" } else { "fresh" }
    }
}

fn config(sigma: Activation, seed: u64) -> RnnConfig {
    one_layer(CellName::Rnn, sigma, Init::Orthogonal(1.0), HIDDEN, seed)
}

/// Heap bytes of training as many networks as there are threads.
pub(super) fn bytes(words: usize) -> u64 {
    config(Activation::Tanh, 1).training_bytes(words) * rayon::current_num_threads() as u64
}

/// Of every σ and seed, W_h at its orthogonal start and after training.
pub(super) fn matrices(words: &FewWords, seeds: &[u64]) -> Result<Vec<Matrix>> {
    of_fresh_and_trained(words, seeds, config, |sigma, seed, trained, net| {
        let w_h = net.layers[0].w_h.view();
        let mut eigenvalues: Vec<(f64, f64)> = Eigen::new(w_h).values().collect();
        eigenvalues.sort_by(|a, b| b.0.hypot(b.1).total_cmp(&a.0.hypot(a.1)));
        Matrix { sigma, seed, trained, eigenvalues, singular: singular_values(w_h) }
    })
}

/// A row a number: the k-th largest eigenvalue and singular value.
pub(super) fn table(matrices: &[Matrix]) -> Table {
    let columns = [
        "sigma",
        "network",
        "seed",
        "spectral_radius",
        "largest_singular_value",
        "k",
        "eigenvalue_re",
        "eigenvalue_im",
        "singular_value",
    ];
    let mut table = Table::new("trained", &columns);
    for m in matrices {
        for (k, ((re, im), singular)) in m.eigenvalues.iter().zip(&m.singular).enumerate() {
            let (sigma, radius, norm) = (m.sigma.name(), m.radius(), m.norm());
            table.push(&[&sigma, &m.state(), &m.seed, &radius, &norm, &(k + 1), re, im, singular]);
        }
    }
    table
}

/// Spectral radius and largest singular value after training, by σ, means over the seeds.
pub(super) fn summary(matrices: &[Matrix]) -> Text {
    let each = |lang: Lang| {
        let one = |sigma: Activation| {
            let own = || matrices.iter().filter(|m| m.sigma == sigma && m.trained);
            let mean = |of: fn(&Matrix) -> f64| own().map(of).sum::<f64>() / own().count() as f64;
            let [radius, norm] = [mean(Matrix::radius), mean(Matrix::norm)].map(number);
            format!("{} {radius} / {norm}", sigma_name(sigma).get(lang))
        };
        Activation::ALL.map(one).join(", ")
    };
    Text::new(
        format!(
            "spectral radius / largest singular value of W_h trained on this text: {}",
            each(Lang::En)
        ),
        format!("在本语料上训练后 W_h 的谱半径 / 最大奇异值:{}", each(Lang::Zh)),
    )
}

/// Of tanh and the first seed, all of them, before and after training.
pub(super) fn chart(matrices: &[Matrix]) -> Chart {
    let first = matrices.first().map_or(0, |m| m.seed);
    let of = |trained: bool| {
        let own = move |m: &&Matrix| {
            m.sigma == Activation::Tanh && m.seed == first && m.trained == trained
        };
        matrices.iter().find(own)
    };
    let ranked = |values: Vec<f64>| (1..).map(f64::from).zip(values).collect::<Vec<(f64, f64)>>();
    let curves = [(false, "fresh", "未训练"), (true, "trained", "训练后")].into_iter();
    let series = curves.enumerate().flat_map(|(k, (trained, en, zh))| {
        let (moduli, singular) = of(trained)
            .map_or_else(Default::default, |m| (m.moduli().collect(), m.singular.clone()));
        let name = |what_en: &str, what_zh: &str| {
            Text::new(format!("{what_en}, {en}"), format!("{what_zh},{zh}"))
        };
        [
            Series::new(name("singular values", "奇异值"), Look::Plain(2 * k), ranked(singular)),
            Series::new(
                name("|eigenvalues|", "特征值的模"),
                Look::Plain(2 * k + 1),
                ranked(moduli),
            ),
        ]
    });
    Chart {
        id: "trained".into(),
        claims: vec!["e5".into()],
        table: "trained".into(),
        title: Text::new(
            "Singular values and moduli of the eigenvalues of a tanh network's W_h",
            "tanh 网络 W_h 的奇异值与特征值的模",
        ),
        x: Axis::linear(Text::new("rank, the largest first", "序号(由大到小)")),
        y: Axis::linear(Text::new("value", "数值")),
        shape: Shape::Lines {
            series: series.collect(),
            rules: vec![Rule { name: Text::same("1"), y: 1.0 }],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_summed_up_by_sigma() {
        let of = |seed, trained, radius: f64, norm| Matrix {
            sigma: Activation::Tanh,
            seed,
            trained,
            eigenvalues: vec![(0.0, radius), (0.1, 0.0)],
            singular: vec![norm, 0.05],
        };
        let all = [of(1, false, 1.0, 1.0), of(1, true, 1.25, 2.0), of(2, true, 0.75, 3.0)];
        assert!(summary(&all).en.contains("tanh 1.000 / 2.500"), "{}", summary(&all).en);
        let table = table(&all);
        assert_eq!(table.rows.len(), 6);
        assert_eq!(table.rows[2].join(" "), "tanh trained 1 1.25 2 1 0 1.25 2");
        let Shape::Lines { series, .. } = chart(&all).shape else { panic!("curves") };
        assert_eq!(series.len(), 4);
        assert_eq!(series[2].points.iter().map(|p| p.y.unwrap()).collect::<Vec<_>>(), [2.0, 0.05]);
    }
}
