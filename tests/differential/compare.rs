//! Feeds a lane and compares what it answers with what the model answered.

use super::tape::{Tape, describe};
use model::record::{self, Record, output};
use sim::Lane;
use std::ops::Range;

/// The first answer that differs.
#[derive(Clone, Debug)]
pub struct Mismatch {
    pub text: String,
    /// Records of the range up to the one whose answer differs, as far as can be told.
    pub records: usize,
}

/// Sends the records of `range` and compares their answers, which must be all that comes out.
pub fn check(lane: &mut Lane, tape: &Tape, range: Range<usize>) -> Result<(), Mismatch> {
    let start = if range.start == 0 { 0 } else { tape.ends[range.start - 1] };
    let end = if range.end == 0 { 0 } else { tape.ends[range.end - 1] };
    let expected = canonical(&tape.answers[start..end]);
    let answered = answers(lane, &tape.sent[range.clone()], expected.len());
    let found = canonical(&answered);
    if found == expected {
        return Ok(());
    }
    let at = (0..).find(|i| found.get(*i) != expected.get(*i)).expect("they differ");
    let side = |answer: Option<&Record>| answer.map_or("nothing".into(), describe);
    let dead = if lane.is_dead() { ", and takes no more records" } else { "" };
    let culprit = expected.get(at).or(found.get(at)).expect("one of them is there");
    let place = tape.sent[range.clone()].iter().position(|sent| sent.sequence() == culprit.sequence());
    Err(Mismatch {
        text: format!(
            "answer {at} of {}:\n  lane  {}{dead}\n  model {}",
            expected.len(),
            side(found.get(at)),
            side(expected.get(at))
        ),
        records: place.map_or(range.len(), |place| place + 1),
    })
}

/// What the lane says to the records, until it has said `count` and is quiet, or more.
fn answers(lane: &mut Lane, records: &[Record], count: usize) -> Vec<Record> {
    let mut sent = 0;
    let mut all = Vec::with_capacity(count + 1);
    let mut out = [Record::default(); 256];
    loop {
        sent += lane.submit(&records[sent..]);
        let given = lane.poll(&mut out);
        all.extend_from_slice(&out[..given]);
        if (lane.is_quiet() && sent == records.len()) || lane.is_dead() || all.len() > count {
            return all;
        }
    }
}

/// The answers as they may be compared: no clocks, and the refusals between two echoes in one fixed order after
/// the rest, because their place is not defined.
fn canonical(answers: &[Record]) -> Vec<Record> {
    let mut all = Vec::with_capacity(answers.len());
    let mut refusals = Vec::new();
    for answer in answers {
        let op = answer.op();
        if op == output::ERROR_RECORD.op {
            refusals.push(*answer);
        } else if op == output::FENCE_ECHO.op || op == output::RESYNC_ECHO.op {
            refusals.sort_unstable();
            all.append(&mut refusals);
            all.push(*answer);
        } else if op == output::RECEIPT.op {
            all.push(answer.with(&record::CLOCKS, 0));
        } else {
            all.push(*answer);
        }
    }
    refusals.sort_unstable();
    all.append(&mut refusals);
    all
}
