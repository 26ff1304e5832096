//! The verdict on made-up results of every outcome.
mod report_fixture;

use harness::record::{Results, Status};
use harness::report::summary::View;
use harness::report::verdict;
use lm::{Family, PairedVerdict};
use report_fixture::{self as fixture, Made, lost, made};

fn of(models: &[Made]) -> (Results, [String; 3]) {
    let results = fixture::results(models, false, &[1]);
    let sentences = verdict::sentences(&View::new(&results));
    (results, sentences)
}

fn kn() -> Made {
    made("kn5", Family::Ngram, 141.19, 50_000_000, 1.2, 2e6, 40.0)
}
fn window(ppl: f64) -> Made {
    made("window-4", Family::Window, ppl, 10_000_000, 80.0, 4e4, 500.0)
}
fn rnn(ppl: f64) -> Made {
    made("rnn-200", Family::Rnn, ppl, 16_000_000, 170.0, 5e4, 400.0)
}

#[track_caller]
fn says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "“{sentence}” lacks “{word}”");
    }
    assert!(
        sentence.ends_with('.') && !sentence.contains("significant") && !sentence.contains("NaN"),
        "{sentence}"
    );
}

#[test]
fn the_network_wins() {
    let (_, [first, second, third]) = of(&[kn(), window(150.0), rnn(120.0)]);
    says(
        &first,
        &[
            "rnn-200, an RNN, has the lowest perplexity, 120.00 (95 % interval 117.84 to 122.16)",
            "than the 141.19 of the best n-gram, kn5",
            "15.0 % lower",
            "more than the choice of test sentences explains",
        ],
    );
    says(
        &second,
        &[
            "20.0 % lower perplexity than the best window network, window-4 (150.00; 95 % interval",
            "15.0 % lower perplexity than the best n-gram, kn5",
        ],
    );
    says(
        &third,
        &[
            "57.0 % of the test text's 3-grams never occurred in training",
            "rnn-200",
            "16.0 MB",
            "50.0 MB",
            "2 min 50 s",
            "1.20 s",
        ],
    );
}

#[test]
fn the_counts_win() {
    let (_, [first, second, _]) = of(&[kn(), window(150.0), rnn(190.0)]);
    says(
        &first,
        &[
            "kn5, an n-gram, has the lowest perplexity",
            "150.00 of the best model of another kind, window-4",
            "% lower",
        ],
    );
    says(
        &second,
        &[
            "26.7 % higher perplexity than the best window network",
            "34.6 % higher perplexity than the best n-gram",
        ],
    );
}

#[test]
fn no_difference_is_shown() {
    let (_, [first, second, _]) = of(&[kn(), window(141.0), rnn(140.5)]);
    says(
        &first,
        &[
            "no difference is shown to the best n-gram, kn5, with 141.19 (ratio of perplexities 0.995, 95 % interval 0.980 to 1.010)",
        ],
    );
    says(
        &second,
        &[
            "no difference shown from the best window network",
            "no difference shown from the best n-gram, kn5 (141.19; ratio",
        ],
    );
}

#[test]
fn a_pair_is_read_from_both_sides() {
    let (results, _) = of(&[kn(), rnn(120.0)]);
    let view = View::new(&results);
    let (ab, ba) = (view.versus("kn5", "rnn-200").unwrap(), view.versus("rnn-200", "kn5").unwrap());
    assert_eq!((ab.verdict, ba.verdict), (Some(PairedVerdict::Worse), Some(PairedVerdict::Better)));
    assert!((ab.ratio * ba.ratio - 1.0).abs() < 1e-12 && (ab.lo * ba.hi - 1.0).abs() < 1e-12);
    assert!(view.versus("kn5", "nobody").is_none());
}

#[test]
fn seeds_that_disagree_are_said_to() {
    let mut results = fixture::results(&[kn(), rnn(139.0)], false, &[1, 2]);
    results.pairs[0].verdict = PairedVerdict::Better;
    let [first, ..] = verdict::sentences(&View::new(&results));
    says(&first, &["the seeds disagree"]);
}

#[test]
fn failures_are_named_and_never_win() {
    let models = [
        kn(),
        lost("rnn-200", Family::Rnn, Status::Diverged, "diverged at step 3: loss is inf"),
        made("mle3", Family::Ngram, f64::INFINITY, 9, 0.1, 1e6, 3.0),
    ];
    let (results, [first, second, _]) = of(&models);
    says(
        &first,
        &[
            "kn5, an n-gram, has the lowest perplexity",
            "no other model finished with a finite perplexity",
        ],
    );
    says(&second, &["No recurrent network finished (rnn-200 diverged at step 3: loss is inf)"]);
    let remarks = verdict::remarks(&View::new(&results)).join("\n");
    assert!(
        remarks.contains("rnn-200 diverged")
            && remarks.contains("mle3 has infinite perplexity")
            && remarks.contains("57.1 %"),
        "{remarks}"
    );
}

#[test]
fn one_model_none_and_nothing() {
    let (_, [first, second, third]) = of(&[kn()]);
    says(&first, &["kn5", "nothing is compared"]);
    says(&second, &["No recurrent network took part"]);
    says(&third, &["kn5 takes 50.0 MB of memory and trains in 1.20 s"]);
    let (_, [first, ..]) = of(&[lost("kn5", Family::Ngram, Status::Failed, "no space")]);
    says(&first, &["None of one model gave a finite perplexity"]);
    let empty = Results::default();
    let [first, second, third] = verdict::sentences(&View::new(&empty));
    says(&first, &["There are no results"]);
    says(&second, &["not shown"]);
    says(&third, &["not measured"]);
}

#[test]
fn the_oracle_is_the_floor_and_never_the_winner() {
    let results = fixture::synthetic(&[1]);
    let [first, ..] = verdict::sentences(&View::new(&results));
    says(
        &first,
        &[
            "SYNTHETIC",
            "mix(mkn5,lstm-200), a mixture, has the lowest perplexity",
            "0.487 bits a token",
        ],
    );
}

#[test]
fn an_unnormalised_score_never_wins() {
    let cheat = made("backoff5", Family::Ngram, 3.0, 5, 0.1, 1e6, 3.0);
    let (results, [first, ..]) = of(&[cheat, kn()]);
    says(&first, &["kn5, an n-gram, has the lowest perplexity"]);
    assert!(
        verdict::remarks(&View::new(&results))
            .iter()
            .any(|r| r.contains("The scores of backoff5 do not sum to one"))
    );
}

#[test]
fn without_a_paired_test_nothing_is_claimed() {
    let mut results = fixture::results(&[kn(), rnn(120.0)], false, &[1]);
    results.pairs.clear();
    let [first, second, _] = verdict::sentences(&View::new(&results));
    says(&first, &["no paired test"]);
    says(&second, &["no paired test"]);
}
