//! Feeds a machine and compares what it answers with what the model answered.

use super::subject::Subject;
use super::tape::{Tape, describe};
use model::record::{self, Record, UNKNOWN, output};
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
pub fn check(
    subject: &mut impl Subject,
    tape: &Tape,
    range: Range<usize>,
) -> Result<Option<(u64, u64)>, Mismatch> {
    let lanes = tape.book.capacity.lanes;
    let start = if range.start == 0 { 0 } else { tape.ends[range.start - 1] };
    let end = if range.end == 0 { 0 } else { tape.ends[range.end - 1] };
    let expected = canonical(&tape.answers[start..end], lanes);
    let answered = answers(subject, &tape.sent[range.clone()], expected.len());
    let found = canonical(&answered, lanes);
    if found == expected {
        return Ok(clocks_beyond(&answered, tape, start..end));
    }
    let at = (0..).find(|i| found.get(*i) != expected.get(*i)).expect("they differ");
    let side = |answer: Option<&Record>| answer.map_or("nothing".into(), describe);
    let dead = if subject.is_dead() { ", and takes no more records" } else { "" };
    let culprit = expected.get(at).or(found.get(at)).expect("one of them is there");
    let place = tape.sent[range.clone()].iter().position(|sent| sent.sequence() == culprit.sequence());
    Err(Mismatch {
        text: format!(
            "answer {at} of {}, lane by lane:\n  machine {}{dead}\n  model   {}",
            expected.len(),
            side(found.get(at)),
            side(expected.get(at))
        ),
        records: place.map_or(range.len(), |place| place + 1),
    })
}

fn clocks_beyond(answered: &[Record], tape: &Tape, range: Range<usize>) -> Option<(u64, u64)> {
    let lane_of = |answer: &Record| (answer.op() == output::RECEIPT.op).then(|| record::LANE.get(answer));
    let first = tape.beats.partition_point(|(place, _)| *place < range.start);
    let mut extremes = None;
    for lane in 0..tape.book.capacity.lanes as i128 {
        let receipts = answered.iter().filter(|answer| lane_of(answer) == Some(lane));
        let places = range.clone().filter(|place| lane_of(&tape.answers[*place]) == Some(lane));
        let mut sweeps = tape.beats[first..]
            .iter()
            .filter(|(place, _)| lane_of(&tape.answers[*place]) == Some(lane))
            .peekable();
        for (receipt, place) in receipts.zip(places) {
            // A commit's receipt has no beats: what it takes beyond its slots depends on its tiers.
            if let Some((_, beats)) = sweeps.next_if(|(sweep, _)| *sweep == place) {
                let beyond = (record::CLOCKS.get(receipt) as u64).saturating_sub(*beats);
                let (fewest, most) = extremes.unwrap_or((beyond, beyond));
                extremes = Some((beyond.min(fewest), beyond.max(most)));
            }
        }
    }
    extremes
}

/// What the machine says to the records, until it has said `count` and is quiet, or more.
fn answers(subject: &mut impl Subject, records: &[Record], count: usize) -> Vec<Record> {
    let mut sent = 0;
    let mut all = Vec::with_capacity(count + 1);
    let mut out = [Record::default(); 256];
    loop {
        sent += subject.submit(&records[sent..]);
        let given = subject.poll(&mut out);
        all.extend_from_slice(&out[..given]);
        if (subject.is_quiet() && sent == records.len()) || subject.is_dead() || all.len() > count {
            return all;
        }
    }
}

/// The answers as they may be compared: no clocks, and between two echoes each lane's answers in their order, lane by
/// lane, then what has no lane or no order, sorted.
fn canonical(answers: &[Record], lanes: usize) -> Vec<Record> {
    let mut all = Vec::with_capacity(answers.len());
    let mut streams = vec![Vec::new(); lanes];
    let mut unordered = Vec::new();
    let mut flush = |streams: &mut [Vec<Record>], unordered: &mut Vec<Record>| {
        streams.iter_mut().for_each(|stream| all.append(stream));
        unordered.sort_unstable();
        all.append(unordered);
    };
    for answer in answers {
        if [output::FENCE_ECHO.op, output::RESYNC_ECHO.op].contains(&answer.op()) {
            flush(&mut streams, &mut unordered);
            unordered.push(*answer);
            flush(&mut streams, &mut unordered);
        } else if let Some(lane) = lane_of(answer, lanes) {
            let clockless = answer.op() == output::RECEIPT.op;
            streams[lane].push(if clockless { answer.with(&record::CLOCKS, 0) } else { *answer });
        } else {
            unordered.push(*answer);
        }
    }
    flush(&mut streams, &mut unordered);
    all
}

/// The lane whose stream the answer belongs to; `None` for refusals and what names no account.
fn lane_of(answer: &Record, lanes: usize) -> Option<usize> {
    let lane = match answer.op() {
        op if op == output::RECEIPT.op => record::LANE.get(answer) as usize,
        op if op == output::ERROR_RECORD.op => return None,
        op if op == output::ERROR_ACCOUNT.op && answer.account() == UNKNOWN => return None,
        _ => answer.account() as usize % lanes,
    };
    (lane < lanes).then_some(lane)
}
