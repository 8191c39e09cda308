//! Generated accounts: who holds what, on which side and how far from the line, when an instrument has its first mark of the episode.
//!
//! Seeding is streaming: who holds the k-th listed instrument depends on the seed and on k alone, never on what comes later. All
//! accounts hold the first one; of the others each takes a part, so that most accounts end with one to three, and none with more than
//! [`HOLDINGS_MAX`]. Sizes go from many of 1,000 to 10,000 units of quote currency to a few of 8 to 32 million; the larger the position,
//! the lower its leverage. Margin accounts hold both sides, the smaller one at least [`SIDE_SHARE_MIN`] percent of the open interest; the
//! maker, the other party of every trade, holds the difference, so sizes sum to zero. Collateral is paid in with each position: at its
//! seeding the equity it brings is at least 150 % of its requirement, and its initial margin. Planted accounts excepted: they hold the first
//! instrument alone, exactly on the line (E = R), one quantum above, or one below, which is liquidatable at once. Where initial margin is
//! asked for, no account may open a position at that line: then nobody is planted.

use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{InstrumentSpec, OpenInterest};
use model::tier::{TierError, TierTable};
use model::units::{Cash, OutOfRange, Price, Scale};

use super::draw::Draw;
use super::instrument::QUOTE_UNIT;

/// Fewest accounts of an episode.
pub const ACCOUNTS_MIN: usize = 16;
/// Most accounts of an episode.
pub const ACCOUNTS_MAX: usize = 1 << 24;
/// Most instruments an account holds; the engine's own bound.
pub const HOLDINGS_MAX: u8 = 64;
/// Least share of an instrument's open interest on the smaller side of the margin accounts, percent.
pub const SIDE_SHARE_MIN: u128 = 30;
/// Collateral over requirement, percent, where leverage would allow less.
const COVER_PERCENT: u128 = 150;
/// Planted accounts for each of on the line, above, below.
const PLANTED_EACH: usize = 4;
/// Notionals of planted accounts, units of quote currency: one for each of the first brackets.
const PLANTED_NOTIONALS: [u64; 4] = [20_000, 100_000, 30_000, 600_000];
/// Account ids are `ID_BASE + ID_STEP * i`, shuffled.
const ID_BASE: u64 = 1_000_000;
const ID_STEP: u64 = 7;
/// Of a million that want another instrument, how many take this one.
const JOIN_PPM: u64 = 333_333;

/// Notional in units of quote currency, share of a million, leverage.
struct Class {
    share_ppm: u64,
    notional: [u64; 2],
    leverage: [u64; 2],
}

const CLASSES: [Class; 5] = [
    Class { share_ppm: 600_000, notional: [1_000, 10_000], leverage: [5, 50] },
    Class { share_ppm: 280_000, notional: [10_000, 100_000], leverage: [3, 25] },
    Class { share_ppm: 100_000, notional: [100_000, 1_000_000], leverage: [2, 15] },
    Class { share_ppm: 17_000, notional: [1_000_000, 8_000_000], leverage: [2, 8] },
    Class { share_ppm: 3_000, notional: [8_000_000, 32_000_000], leverage: [2, 4] },
];

/// Why accounts cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("{0} accounts; generate {ACCOUNTS_MIN} to {ACCOUNTS_MAX}")]
    Count(usize),
    #[error("instrument {found} is seeded, {expected} is next in order of listing")]
    Order { expected: u16, found: u16 },
    #[error(
        "every account already holds {HOLDINGS_MAX} instruments; generate more accounts or replay fewer symbols"
    )]
    Full,
    #[error("instrument {0} has weights other than the scale; accounts are generated for perpetuals only")]
    Weights(u16),
    #[error("no size of instrument {0} has a requirement of whole quanta; choose a scale of 1,000,000")]
    Planting(u16),
    #[error(transparent)]
    Tiers(#[from] TierError),
    #[error(transparent)]
    Range(#[from] OutOfRange),
}

/// An account put at the line on purpose: E is R and `quanta` quanta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Planted {
    pub account: AccountId,
    pub quanta: i8,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    account: AccountId,
    class: u8,
    /// Instruments it would hold by itself, and holds.
    wants: u8,
    holds: u8,
}

/// The accounts of one episode.
#[derive(Clone, Debug)]
pub struct Accounts {
    scale: Scale,
    seed: u64,
    episode: u32,
    next: u16,
    planted: Vec<Planted>,
    plans: Vec<Plan>,
}

/// What a position's first collateral must cover.
struct Margin {
    scale: Scale,
    maintenance: TierTable,
    initial: Option<TierTable>,
    open_interest: OpenInterest,
}

impl Margin {
    fn new(spec: &InstrumentSpec, scale: Scale) -> Result<Self, TierError> {
        let initial = (!spec.initial.is_empty()).then(|| TierTable::new(scale, &spec.initial)).transpose()?;
        let maintenance = TierTable::new(scale, &spec.brackets)?;
        Ok(Self { scale, maintenance, initial, open_interest: spec.open_interest })
    }

    /// The larger of 150 % of the maintenance margin and the initial margin at this open interest, all in quanta, rounded up.
    fn cover(&self, notional: u128, interest: u128) -> u128 {
        let scale = u128::from(self.scale.get());
        let maintenance = self.maintenance.requirement(notional).unsigned_abs() * COVER_PERCENT;
        let initial = self.initial.as_ref().map_or(0, |table| {
            let base = table.requirement(notional).unsigned_abs();
            base + ((notional * scale).saturating_sub(base) * self.interest_ppm(interest)).div_ceil(1_000_000)
        });
        maintenance.div_ceil(100 * scale).max(initial.div_ceil(scale))
    }

    /// Share of the way from the base initial margin to the whole notional, parts per million, rounded up.
    fn interest_ppm(&self, interest: u128) -> u128 {
        let OpenInterest { lower, upper } = self.open_interest;
        let above = interest.saturating_sub(lower.into());
        match upper.saturating_sub(lower) {
            0 => 0,
            span => (above.min(span.into()) * 1_000_000).div_ceil(span.into()),
        }
    }
}

/// A position to be opened.
struct Opening {
    account: AccountId,
    /// Magnitude until its side is chosen.
    lots: i64,
    leverage: u64,
}

impl Accounts {
    /// Plans `count` accounts for an episode; nothing is held yet.
    ///
    /// # Errors
    /// [`AccountsError::Count`].
    pub fn new(seed: u64, episode: u32, count: usize, scale: Scale) -> Result<Self, AccountsError> {
        if !(ACCOUNTS_MIN..=ACCOUNTS_MAX).contains(&count) {
            return Err(AccountsError::Count(count));
        }
        let mut draw = Draw::new(seed, "accounts", episode.into());
        let mut ids: Vec<AccountId> = (0..count as u64).map(|at| AccountId(ID_BASE + ID_STEP * at)).collect();
        draw.shuffle(&mut ids);
        let planted_each = PLANTED_EACH.min(count / 12);
        let ordinary = ids.split_off(3 * planted_each);
        let planted = (ids.into_iter().enumerate())
            .map(|(at, account)| Planted { account, quanta: (at % 3) as i8 - 1 })
            .collect();
        let plans = ordinary
            .into_iter()
            .map(|account| {
                let ticket = draw.below(1_000_000);
                let mut below = 0;
                let class = CLASSES.iter().position(|class| {
                    below += class.share_ppm;
                    ticket < below
                });
                let wants = [1, 2, 2, 3][draw.below(4) as usize];
                Plan { account, class: class.unwrap_or(0) as u8, wants, holds: 0 }
            })
            .collect();
        Ok(Self { scale, seed, episode, next: 0, planted, plans })
    }

    /// Every account, planted ones first.
    pub fn ids(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.planted.iter().map(|planted| planted.account).chain(self.plans.iter().map(|plan| plan.account))
    }

    pub fn planted(&self) -> &[Planted] {
        &self.planted
    }

    /// Opens the positions of `instrument`, the next in order of listing, at its first mark `price`: for each holder a `Deposited` and a
    /// `Traded`, to be applied after that mark at the same event time.
    ///
    /// # Errors
    /// [`AccountsError`]; nothing is planned for the instrument then.
    pub fn seed(
        &mut self,
        instrument: InstrumentId,
        spec: &InstrumentSpec,
        price: Price,
    ) -> Result<Vec<Event>, AccountsError> {
        if instrument.0 != self.next {
            return Err(AccountsError::Order { expected: self.next, found: instrument.0 });
        }
        if [spec.weight_long, spec.weight_short] != [self.scale.get(); 2] {
            return Err(AccountsError::Weights(instrument.0));
        }
        assert!(price.get() > 0, "a mark is above zero");
        let price_quanta = u128::from(price.get());
        let margin = Margin::new(spec, self.scale)?;
        let lots_max = (1u64 << spec.size_bits.min(40)) - 1;
        let lots_of = |notional: u64| {
            (u128::from(notional) * u128::from(QUOTE_UNIT) / price_quanta).clamp(1, lots_max.into()) as i64
        };
        let mut draw =
            Draw::new(self.seed, "positions", (u64::from(self.episode) << 16) | u64::from(instrument.0));

        let mut events = Vec::new();
        let mut sides = [0u128; 2];
        if instrument.0 == 0 && margin.initial.is_some() {
            let plan = |planted: Planted| Plan { account: planted.account, class: 0, wants: 1, holds: 0 };
            self.plans.extend(self.planted.drain(..).map(plan));
        }
        if instrument.0 == 0 {
            for (at, planted) in self.planted.iter().enumerate() {
                let lots = lots_of(PLANTED_NOTIONALS[(at / 3) % PLANTED_NOTIONALS.len()]);
                let (lots, requirement) =
                    on_the_line(lots, lots_max, price_quanta, &margin.maintenance, self.scale)
                        .ok_or(AccountsError::Planting(instrument.0))?;
                // Above, on and below stand on both sides.
                let signed = if at % 2 == 0 { lots } else { -lots };
                sides[usize::from(signed < 0)] += u128::from(lots.unsigned_abs());
                open(
                    &mut events,
                    planted.account,
                    instrument,
                    signed,
                    price,
                    requirement + i64::from(planted.quanta),
                )?;
            }
        }

        let holders = self.holders(instrument.0, &mut draw)?;
        let mut openings: Vec<Opening> = holders
            .iter()
            .map(|&at| {
                let class = &CLASSES[usize::from(self.plans[at].class)];
                let [low, high] = class.notional;
                let leverage = draw.within(class.leverage[0], class.leverage[1]);
                Opening { account: self.plans[at].account, lots: lots_of(draw.octave(low, high)), leverage }
            })
            .collect();
        let long_ppm = u128::from(draw.within(480_000, 620_000));
        choose_sides(&mut openings, sides, long_ppm);
        for opening in &openings {
            sides[usize::from(opening.lots < 0)] += u128::from(opening.lots.unsigned_abs());
        }
        let interest = sides[0].max(sides[1]) * price_quanta;
        for opening in &openings {
            let notional = u128::from(opening.lots.unsigned_abs()) * price_quanta;
            let collateral = notional.div_ceil(opening.leverage.into()).max(margin.cover(notional, interest));
            let collateral = i64::try_from(collateral).unwrap_or(i64::MAX);
            open(
                &mut events,
                opening.account,
                instrument,
                opening.lots,
                price,
                Cash::new(collateral)?.get(),
            )?;
        }
        for at in holders {
            self.plans[at].holds += 1;
        }
        self.next += 1;
        Ok(events)
    }

    /// Who takes the instrument: all the first; of the others those who still want one and join, and more if these are too few.
    fn holders(&self, instrument: u16, draw: &mut Draw) -> Result<Vec<usize>, AccountsError> {
        if instrument == 0 {
            return Ok((0..self.plans.len()).collect());
        }
        let mut holders = Vec::new();
        let mut others = Vec::new();
        for (at, plan) in self.plans.iter().enumerate() {
            if plan.holds < plan.wants && draw.chance(JOIN_PPM) {
                holders.push(at);
            } else if plan.holds < HOLDINGS_MAX {
                others.push(at);
            }
        }
        let enough = self.plans.len().min(ACCOUNTS_MIN.max(self.plans.len() / 6));
        if holders.len() < enough {
            // At random from those with less than three instruments, then from those with the fewest.
            draw.shuffle(&mut others);
            others.sort_by_key(|&at| self.plans[at].holds.max(2));
            holders.extend(others.into_iter().take(enough - holders.len()));
            holders.sort_unstable();
        }
        if holders.len() < 2 { Err(AccountsError::Full) } else { Ok(holders) }
    }
}

/// Smallest size from `lots` up whose requirement is whole quanta, and that requirement in quanta.
fn on_the_line(lots: i64, lots_max: u64, price: u128, tiers: &TierTable, scale: Scale) -> Option<(i64, i64)> {
    let scale = i128::from(scale.get());
    // Within a bracket the requirement repeats modulo the scale after at most `scale` lots.
    (lots..=lots.saturating_add(scale as i64).min(lots_max as i64)).find_map(|lots| {
        let requirement = tiers.requirement(u128::from(lots.unsigned_abs()) * price);
        let quanta = i64::try_from(requirement / scale).ok()?;
        (requirement % scale == 0 && quanta > 1).then_some((lots, quanta))
    })
}

/// Gives each opening its sign: the largest first, each to the side that lacks most of its share. `sides` is held already, long and short.
fn choose_sides(openings: &mut [Opening], mut sides: [u128; 2], long_ppm: u128) {
    let mut order: Vec<usize> = (0..openings.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse((openings[at].lots, openings[at].account)));
    let mut held: [Vec<usize>; 2] = Default::default();
    for at in order {
        let side = usize::from(sides[0] * (1_000_000 - long_ppm) > sides[1] * long_ppm);
        sides[side] += u128::from(openings[at].lots.unsigned_abs());
        held[side].push(at);
    }
    // One giant among few accounts can outweigh all others: the larger side's largest gives way.
    loop {
        let larger = usize::from(sides[1] > sides[0]);
        if sides[1 - larger] * 100 >= sides[larger] * SIDE_SHARE_MIN {
            break;
        }
        let Some(at) =
            held[larger].iter().copied().max_by_key(|&at| (openings[at].lots, openings[at].account))
        else {
            break;
        };
        let gone = openings[at].lots / 2;
        if gone == 0 {
            break;
        }
        openings[at].lots -= gone;
        sides[larger] -= u128::from(gone.unsigned_abs());
    }
    for &at in &held[1] {
        openings[at].lots = -openings[at].lots;
    }
}

/// Collateral in, then the trade with the maker at the mark.
fn open(
    events: &mut Vec<Event>,
    account: AccountId,
    instrument: InstrumentId,
    lots: i64,
    price: Price,
    collateral: i64,
) -> Result<(), AccountsError> {
    let quote = -i128::from(lots) * i128::from(price.get());
    let out_of_range =
        |_| OutOfRange { what: "quote", value: quote, min: Cash::MIN.into(), max: Cash::MAX.into() };
    let quote = Cash::new(i64::try_from(quote).map_err(out_of_range)?)?.get();
    events.push(Event::Deposited { account, quanta: collateral });
    events.push(Event::Traded { account, instrument, lots, quote });
    Ok(())
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
