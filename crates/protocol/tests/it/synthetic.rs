//! Every synthetic exchange is read, its truth is found, and no cut changes what is found.

use botwarden_protocol::{AnswerReader, Bounds, Outcome, Usage, read_request};
use botwarden_testkit::synthetic::{Sample, cuts, pieces, sample};
use botwarden_types::{Dialect, Operation};

/// Exchanges of each dialect; each is read once whole and once in cuts of its own.
const SAMPLES: u64 = 1_000;

fn read(sample: &Sample, chunks: &[&[u8]]) -> Outcome {
    let mut reader = AnswerReader::new(sample.operation, sample.delivery);
    for chunk in chunks {
        reader.push(chunk).unwrap();
    }
    reader.finish()
}

fn check_request(seed: u64, dialect: Dialect, sample: &Sample) {
    if sample.operation == Operation::Models {
        return;
    }
    let text = String::from_utf8_lossy(&sample.request);
    let exchange = match read_request(sample.operation, &sample.request, &Bounds::default()) {
        Ok(exchange) => exchange,
        Err(error) => panic!("{dialect:?} {seed}: {error}\n{text}"),
    };
    let truth = &sample.truth;
    let found = (exchange.dialect, exchange.operation, exchange.delivery, exchange.model.as_str());
    assert_eq!(found, (dialect, sample.operation, sample.delivery, truth.model.as_str()), "{seed}: {text}");
    assert_eq!(
        (exchange.messages.len(), exchange.tools.len()),
        (truth.messages, truth.tools),
        "{seed}: {text}"
    );
}

fn check_answer(seed: u64, dialect: Dialect, sample: &Sample) {
    let whole = read(sample, &[&sample.answer]);
    let truth = &sample.truth;
    let usage = truth.usage.map(|(input_tokens, output_tokens)| Usage { input_tokens, output_tokens });
    let want = Outcome {
        usage,
        output_bytes_seen: truth.text_bytes,
        ended: true,
        finish: truth.finish.clone(),
        tool_calls: truth.tool_calls,
    };
    let text = String::from_utf8_lossy(&sample.answer);
    assert_eq!(whole, want, "{dialect:?} {seed}: {text}");
    let cuts = cuts(seed ^ 0xC075, sample.answer.len());
    assert_eq!(read(sample, &pieces(&sample.answer, &cuts)), whole, "{dialect:?} {seed}, cut: {text}");
}

fn check(dialect: Dialect) {
    for seed in 0..SAMPLES {
        let sample = sample(dialect, seed);
        check_request(seed, dialect, &sample);
        check_answer(seed, dialect, &sample);
    }
}

#[test]
fn openai_exchanges_are_read() {
    check(Dialect::OpenAi);
}

#[test]
fn anthropic_exchanges_are_read() {
    check(Dialect::Anthropic);
}

#[test]
fn samples_are_of_every_kind() {
    for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
        let samples: Vec<Sample> = (0..500).map(|seed| sample(dialect, seed)).collect();
        let share = |is: fn(&Sample) -> bool| samples.iter().filter(|sample| is(sample)).count();
        assert!(share(|s| s.truth.tool_calls > 0) > 50, "{dialect:?}: calls");
        assert!(share(|s| s.truth.tools > 0) > 50, "{dialect:?}: offers");
        assert!(share(|s| s.truth.vendor_tools) > 5, "{dialect:?}: vendor tools");
        assert!(share(|s| s.operation == Operation::Models) > 20, "{dialect:?}: models");
        assert!(share(|s| s.request.len() > 4096) > 50, "{dialect:?}: long ones");
    }
}
