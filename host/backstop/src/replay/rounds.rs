//! The gateway's first half: a feed's marks become rounds of events, instruments are listed and accounts seeded at their first mark.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use anyhow::Context;
use engine::event::{Event, InstrumentId, TimeMs};
use engine::rules::{Budget, InstrumentSpec};
use model::units::{Price, Scale};

use crate::feed::accounts::Accounts;
use crate::feed::tape::TapeError;
use crate::feed::{Item, Mark, instrument};
use crate::rules::RuleSet;
use crate::venue::Books;

/// Events that close a round at the latest.
pub const ROUND_EVENTS_MAX: usize = 4_096;

/// What the engine's thread receives.
#[derive(Debug)]
pub enum Input {
    EpisodeStarted {
        index: u32,
        time_ms: TimeMs,
    },
    /// `marks` is how many marks of the feed went into it.
    Round {
        time_ms: TimeMs,
        events: Vec<Event>,
        marks: u64,
    },
    EpisodeEnded {
        index: u32,
        time_ms: TimeMs,
        rounded: u64,
    },
}

/// What a run is seeded with.
#[derive(Clone, Debug)]
pub struct Seeding {
    pub rules: Arc<RuleSet>,
    pub accounts: usize,
    pub seed: u64,
    /// Endowment of the insurance fund at the start of an episode, quanta.
    pub fund: i64,
    /// Books that the instruments' depth is taken from, if it is not the usual one.
    pub books: Option<Arc<Books>>,
    /// Markets have no liquidation budget.
    pub no_budget: bool,
}

/// Turns items into inputs, in order; ends after the first error. Memory is bounded by the accounts of one episode.
pub struct Rounds<I> {
    items: I,
    seeding: Seeding,
    scale: Scale,
    /// The one episode wanted; all if `None`.
    only: Option<u32>,
    skipping: bool,
    plan: Option<Accounts>,
    listed: BTreeMap<Arc<str>, (InstrumentId, InstrumentSpec)>,
    round: Vec<Event>,
    /// Marks since the last round was closed.
    marks: u64,
    time_ms: TimeMs,
    ready: VecDeque<Input>,
    rounded: u64,
    /// After an error nothing follows.
    failed: bool,
}

impl<I: Iterator<Item = Result<Item, TapeError>>> Rounds<I> {
    pub fn new(items: I, seeding: Seeding, only: Option<u32>) -> Self {
        let scale = seeding.rules.rules.validate().expect("the engine took these rules").0;
        Self {
            items,
            scale,
            seeding,
            only,
            skipping: false,
            plan: None,
            listed: BTreeMap::new(),
            round: Vec::new(),
            marks: 0,
            time_ms: TimeMs::MIN,
            ready: VecDeque::new(),
            rounded: 0,
            failed: false,
        }
    }

    fn take(&mut self, item: Item) -> anyhow::Result<()> {
        if let Item::EpisodeStart { episode, .. } = item {
            self.skipping = self.only.is_some_and(|only| only != episode);
        }
        if self.skipping {
            return Ok(());
        }
        match item {
            Item::EpisodeStart { episode, time_ms } => {
                self.plan =
                    Some(Accounts::new(self.seeding.seed, episode, self.seeding.accounts, self.scale)?);
                self.listed.clear();
                self.rounded = 0;
                self.ready.push_back(Input::EpisodeStarted { index: episode, time_ms });
                self.time_ms = time_ms;
                self.push(Event::FundEndowed { instrument: None, quanta: self.seeding.fund });
            }
            Item::Mark(mark) => {
                if mark.time_ms != self.time_ms {
                    self.close();
                    self.time_ms = mark.time_ms;
                }
                self.mark(&mark)?;
            }
            Item::EpisodeEnd { episode, time_ms, .. } => {
                self.close();
                let rounded = self.rounded;
                self.ready.push_back(Input::EpisodeEnded { index: episode, time_ms, rounded });
            }
        }
        Ok(())
    }

    fn mark(&mut self, mark: &Mark) -> anyhow::Result<()> {
        self.marks += 1;
        let Some((instrument, spec)) = self.listed.get(&mark.symbol) else { return self.list(mark) };
        let instrument = *instrument;
        let quoted = instrument::quanta(spec, mark.price)
            .with_context(|| format!("{} of {} at {}", mark.price, mark.symbol, mark.time_ms))?;
        self.rounded += u64::from(quoted.rounded);
        self.push(Event::Mark { instrument, price: quoted.quanta });
        Ok(())
    }

    /// Lists the mark's instrument at its first price and seeds the accounts that hold it.
    fn list(&mut self, mark: &Mark) -> anyhow::Result<()> {
        let mut spec = self.seeding.rules.spec(&mark.symbol, mark.price)?;
        if self.seeding.no_budget {
            spec.budget = Budget::default();
        }
        let quoted = instrument::quanta(&spec, mark.price)?;
        if let Some(books) = &self.seeding.books {
            let depth = books.depth(&spec, self.scale.get(), quoted.quanta);
            spec.depth = depth.with_context(|| format!("the book of {}", mark.symbol))?;
        }
        self.rounded += u64::from(quoted.rounded);
        let instrument = InstrumentId(self.listed.len() as u16);
        self.push(Event::Listed { instrument, spec: spec.clone().into() });
        self.push(Event::Mark { instrument, price: quoted.quanta });
        let plan = self.plan.as_mut().expect("marks lie inside an episode");
        let price = Price::new(quoted.quanta).expect("a quoted price has the instrument's bits");
        for event in plan.seed(instrument, &spec, price)? {
            self.push(event);
        }
        self.listed.insert(mark.symbol.clone(), (instrument, spec));
        Ok(())
    }

    fn push(&mut self, event: Event) {
        self.round.push(event);
        if self.round.len() == ROUND_EVENTS_MAX {
            self.close();
        }
    }

    fn close(&mut self) {
        if !self.round.is_empty() {
            let (events, marks) = (std::mem::take(&mut self.round), std::mem::take(&mut self.marks));
            self.ready.push_back(Input::Round { time_ms: self.time_ms, events, marks });
        }
    }
}

impl<I: Iterator<Item = Result<Item, TapeError>>> Iterator for Rounds<I> {
    type Item = anyhow::Result<Input>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(input) = self.ready.pop_front() {
                return Some(Ok(input));
            }
            if self.failed {
                return None;
            }
            let item = self.items.next()?;
            if let Err(error) = item.map_err(Into::into).and_then(|item| self.take(item)) {
                self.failed = true;
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::accounts::{ACCOUNTS_MAX, ACCOUNTS_MIN};
    use crate::feed::scenario;

    fn rounds(accounts: usize, items: crate::feed::Items) -> Rounds<crate::feed::Items> {
        let rules = crate::rules::built_in();
        let seeding = Seeding { rules, accounts, seed: 1, fund: 0, books: None, no_budget: false };
        Rounds::new(items, seeding, None)
    }

    #[test]
    fn nothing_follows_an_error() {
        for accounts in [0, 1, ACCOUNTS_MIN - 1, ACCOUNTS_MAX + 1, u32::MAX as usize] {
            let mut rounds = rounds(accounts, scenario::items(1));
            let error = rounds.next().unwrap().unwrap_err().to_string();
            assert!(error.contains("generate 16 to 16777216"), "{error}");
            assert!(rounds.next().is_none());
        }
        let prices = ["100", "100000000000", "100"].map(|price| price.parse().unwrap());
        let mark = |price| Item::Mark(Mark { time_ms: 0, symbol: "A".into(), price });
        let start = Item::EpisodeStart { episode: 0, time_ms: 0 };
        let items = std::iter::once(start).chain(prices.into_iter().map(mark)).map(Ok);
        let seen: Vec<_> =
            rounds(16, Box::new(items)).map(|input| input.map_err(|e| format!("{e:#}"))).collect();
        let [Ok(Input::EpisodeStarted { .. }), Err(error)] = &seen[..] else { panic!("{seen:?}") };
        assert!(error.contains("100000000000 of A at 0: needs more than 32 bits"), "{error}");
    }
}
