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

/// Sends the records of `range` and compares their answers, which must be all that comes out. Returns the fewest and
/// the most clocks that a RECEIPT of a sweep or walk says beyond one a slot or account.
pub fn check(lane: &mut Lane, tape: &Tape, range: Range<usize>) -> Result<Option<(u64, u64)>, Mismatch> {
    let start = if range.start == 0 { 0 } else { tape.ends[range.start - 1] };
    let end = if range.end == 0 { 0 } else { tape.ends[range.end - 1] };
    let expected = canonical(&tape.answers[start..end]);
    let answered = answers(lane, &tape.sent[range.clone()], expected.len());
    let found = canonical(&answered);
    if found == expected {
        return Ok(clocks_beyond(&answered, tape, start..end));
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

fn clocks_beyond(answered: &[Record], tape: &Tape, range: Range<usize>) -> Option<(u64, u64)> {
    let is_receipt = |answer: &&Record| answer.op() == output::RECEIPT.op;
    let places = (range.start..range.end).filter(|place| tape.answers[*place].op() == output::RECEIPT.op);
    let first = tape.beats.partition_point(|(place, _)| *place < range.start);
    let mut sweeps = tape.beats[first..].iter().peekable();
    let mut extremes = None;
    for (receipt, place) in answered.iter().filter(is_receipt).zip(places) {
        // The commits' receipts are not of sweeps.
        if let Some((_, beats)) = sweeps.next_if(|(sweep, _)| *sweep == place) {
            let beyond = record::CLOCKS.get(receipt) as u64 - beats;
            let (fewest, most) = extremes.unwrap_or((beyond, beyond));
            extremes = Some((beyond.min(fewest), beyond.max(most)));
        }
    }
    extremes
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
