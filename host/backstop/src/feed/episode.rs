//! Episodes: a gap above six hours between marks ends one.

use engine::event::TimeMs;

use super::{Item, Mark};

/// Longest time between two marks of an episode.
pub const GAP_MS_MAX: TimeMs = 6 * 60 * 60 * 1_000;

#[derive(Clone, Copy, Debug)]
struct Open {
    last_ms: TimeMs,
    marks: u64,
}

/// Marks in order of time, divided into episodes numbered from 0. After an error nothing follows: the open episode does not end.
pub struct Episodes<I> {
    marks: I,
    episode: u32,
    open: Option<Open>,
    /// Read, but its episode has not started.
    held: Option<Mark>,
    failed: bool,
}

impl<I> Episodes<I> {
    pub fn new(marks: I) -> Self {
        Self { marks, episode: 0, open: None, held: None, failed: false }
    }
}

impl<E, I: Iterator<Item = Result<Mark, E>>> Iterator for Episodes<I> {
    type Item = Result<Item, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mark = match self.held.take() {
            Some(mark) => Some(mark),
            None => match self.marks.next() {
                Some(Err(error)) => {
                    self.failed = true;
                    return Some(Err(error));
                }
                mark => mark.and_then(Result::ok),
            },
        };
        let episode = self.episode;
        Some(Ok(match (mark, self.open.as_mut()) {
            (Some(mark), Some(open)) if mark.time_ms.saturating_sub(open.last_ms) <= GAP_MS_MAX => {
                open.last_ms = mark.time_ms;
                open.marks += 1;
                Item::Mark(mark)
            }
            (None, None) => return None,
            (mark, Some(open)) => {
                let (time_ms, marks) = (open.last_ms, open.marks);
                self.open = None;
                self.held = mark;
                self.episode += 1;
                Item::EpisodeEnd { episode, time_ms, marks }
            }
            (Some(mark), None) => {
                let time_ms = mark.time_ms;
                self.open = Some(Open { last_ms: time_ms, marks: 0 });
                self.held = Some(mark);
                Item::EpisodeStart { episode, time_ms }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn items(times: &[TimeMs]) -> Vec<String> {
        let mark = |&time_ms: &TimeMs| Ok::<_, ()>(Mark { time_ms, symbol: "A".into(), price: Decimal::ONE });
        let marks: Vec<_> = times.iter().map(mark).collect();
        Episodes::new(marks.into_iter())
            .map(|item| match item.unwrap() {
                Item::EpisodeStart { episode, time_ms } => format!("start {episode} {time_ms}"),
                Item::Mark(mark) => format!("{}", mark.time_ms),
                Item::EpisodeEnd { episode, time_ms, marks } => format!("end {episode} {time_ms} {marks}"),
            })
            .collect()
    }

    #[test]
    fn a_gap_above_six_hours_ends_an_episode() {
        assert_eq!(
            items(&[0, 0, 21_600_000, 43_200_001]),
            [
                "start 0 0",
                "0",
                "0",
                "21600000",
                "end 0 21600000 3",
                "start 1 43200001",
                "43200001",
                "end 1 43200001 1"
            ]
        );
        assert!(items(&[]).is_empty());
    }

    #[test]
    fn an_error_ends_the_stream_without_an_end() {
        let mark = Mark { time_ms: 1, symbol: "A".into(), price: Decimal::ONE };
        let seen: Vec<_> = Episodes::new([Ok(mark), Err("cut")].into_iter()).collect();
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[2], Err("cut"));
    }
}
