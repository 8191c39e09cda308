use std::collections::BTreeMap;

use engine::event::{AccountId, Command};
use engine::rules::Depth;
use model::units::Scale;
use proptest::collection::vec;
use proptest::prelude::*;

use super::profile::DepthPoint;
use super::*;

const DEPTH: Depth = Depth { levels: 3, step: 10_000, level_lots: 100, refill_lots: 7 };
const I: InstrumentId = InstrumentId(0);

fn spec(depth: &Depth) -> InstrumentSpec {
    InstrumentSpec {
        tick: 10,
        brackets: vec![(0, 5_000)],
        depth: *depth,
        ..InstrumentSpec::plain("X", 1_000_000)
    }
}

fn venue_of(config: VenueConfig, depth: &Depth) -> SimulatedVenue {
    let mut venue = SimulatedVenue::new(Scale::new(1_000_000).unwrap(), config, None).unwrap();
    venue.list(I, &spec(depth)).unwrap();
    venue
}

fn venue(depth: &Depth) -> SimulatedVenue {
    venue_of(VenueConfig::default(), depth)
}

fn price(mark: u64) -> Price {
    Price::new(mark).unwrap()
}

fn order(lots: i64, limit: u64) -> Order {
    Order { instrument: I, lots, limit }
}

/// The fill of an order that is not rejected.
fn fill(venue: &mut SimulatedVenue, ms: TimeMs, mark: Price, order: Order) -> Fill {
    match venue.execute(ms, mark, 1, &order).unwrap() {
        Report::Filled(fill) => fill,
        Report::Rejected => panic!("rejected"),
    }
}

#[test]
fn an_order_walks_the_levels_and_what_it_takes_comes_back() {
    let mut venue = venue(&DEPTH);
    let mut execute = |ms, lots, limit| fill(&mut venue, ms, price(1_050), order(lots, limit));
    // Bids at 1040, 1029, 1019 (floors of 10.5, 21, 31.5 away), offers at 1060, 1071, 1081.
    assert_eq!(execute(5_000, -150, 0), Fill { lots: -150, quote: 100 * 1_040 + 50 * 1_029 });
    assert_eq!(execute(5_999, -10, 1_029), Fill { lots: -10, quote: 10 * 1_029 });
    assert_eq!(execute(5_999, -10, 1_030), Fill::default());
    assert_eq!(execute(5_999, 250, 1_080), Fill { lots: 200, quote: -(100 * 1_060 + 100 * 1_071) });
    // 160 are gone; two seconds bring back 14, although no look at the book came at a whole second.
    assert_eq!(execute(6_500, -1, 1_040), Fill::default());
    assert_eq!(execute(7_000, -1_000, 0), Fill { lots: -154, quote: 54 * 1_029 + 100 * 1_019 });
    assert_eq!(venue.consumed(I, -1, 7_000), Some(300));
    assert_eq!(venue.consumed(I, -1, 7_999), Some(300));
    assert_eq!(venue.consumed(I, -1, 8_000), Some(293));
    assert_eq!(venue.consumed(I, 1, 8_000), Some(186));
    assert_eq!(venue.consumed(I, -1, 900_000), Some(0));
    assert_eq!(venue.consumed(InstrumentId(1), -1, 0), None);
}

#[test]
fn the_book_ends_at_zero_and_at_the_widest_price() {
    let depth = Depth { levels: 50, step: 1_000, level_lots: 2, refill_lots: 0 };
    let sold = fill(&mut venue(&depth), 0, price(4), order(-100, 0));
    assert_eq!(sold, Fill { lots: -100, quote: 300 }, "every level is the nearest one, a quantum away");
    assert_eq!(fill(&mut venue(&depth), 0, price(1), order(-100, 0)), Fill::default());
    let bought = fill(&mut venue(&depth), 0, price(Price::MAX), order(100, u64::MAX));
    assert_eq!(bought, Fill::default());
    assert_eq!(fill(&mut venue(&DEPTH), 0, price(9), order(0, 0)), Fill::default());
}

#[test]
fn what_the_venue_cannot_take_leaves_it_as_it_was() {
    let wide = Depth { level_lots: u64::MAX, ..DEPTH };
    let mut venue = venue(&wide);
    let before = venue.clone();
    let huge = venue.execute(0, price(1_000_000), 1, &order(i64::MIN, 0));
    assert_eq!(huge, Err(VenueError::TooLarge { lots: i64::MIN, mark: 1_000_000 }));
    assert_eq!(venue.list(I, &spec(&DEPTH)), Err(VenueError::ListedTwice(0)));
    let unknown = Order { instrument: InstrumentId(9), lots: 1, limit: 1 };
    assert_eq!(venue.execute(0, price(1), 1, &unknown), Err(VenueError::Unlisted(9)));
    assert!(venue == before);
    let wrong = VenueConfig { half_life_s: 0, ..VenueConfig::default() };
    assert!(SimulatedVenue::new(Scale::new(1).unwrap(), wrong, None).is_err());
}

/// A depth is 100 lots: the only level within 1 %.
#[test]
fn fills_move_the_next_mark_and_nothing_else_does() {
    let mut venue = venue(&DEPTH);
    let mark = |venue: &SimulatedVenue, ms| venue.mark(I, ms, 1_000_000);
    assert_eq!(mark(&venue, 0), 1_000_000);
    fill(&mut venue, 0, price(1_000_000), order(-100, 2_000_000));
    assert_eq!((mark(&venue, 0), venue.impact_ppm(I, 0)), (1_000_000, Some(0)), "nothing was filled");
    fill(&mut venue, 0, price(1_000_000), order(-100, 0));
    assert_eq!(mark(&venue, 0), 995_000);
    assert_eq!(mark(&venue, 300_000), 997_500);
    fill(&mut venue, 300_000, price(1_000_000), order(50, u64::MAX));
    assert_eq!((mark(&venue, 300_000), venue.impact_ppm(I, 300_000)), (1_000_000, Some(0)));
    assert_eq!(venue.mark(InstrumentId(1), 0, 77), 77, "not listed");
    let none = VenueConfig { impact_ppm: 0, ..VenueConfig::default() };
    let mut venue = venue_of(none, &DEPTH);
    fill(&mut venue, 0, price(1_000_000), order(-300, 0));
    assert_eq!(mark(&venue, 0), 1_000_000);
}

#[test]
fn rejections_come_at_their_rate_and_repeat_with_the_seed() {
    let rejected = |seed, reject_ppm| {
        let mut venue = venue_of(VenueConfig { reject_ppm, seed, ..VenueConfig::default() }, &DEPTH);
        let before = venue.clone();
        let reject =
            |id| venue.execute(0, price(1_000), id, &order(-1, u64::MAX)).unwrap() == Report::Rejected;
        let rejected: Vec<bool> = (1..=10_000).map(reject).collect();
        assert!(reject_ppm < 1_000_000 || venue == before, "a rejected order leaves no trace");
        rejected
    };
    let count = |rejected: &[bool]| rejected.iter().filter(|is| **is).count();
    assert_eq!(count(&rejected(1, 0)), 0);
    assert_eq!(count(&rejected(1, 1_000_000)), 10_000);
    let some = rejected(1, 200_000);
    assert!((1_800..2_200).contains(&count(&some)), "{}", count(&some));
    assert_eq!(some, rejected(1, 200_000));
    assert_ne!(some, rejected(2, 200_000));
}

/// One unit at a time, in `docs/venue.md`'s words: an array of lots, each there or gone.
struct Plain {
    depth: Depth,
    gone: [Vec<bool>; 2],
    clock_ms: [Option<i64>; 2],
}

impl Plain {
    fn new(depth: Depth) -> Self {
        let lots = depth.levels as usize * depth.level_lots as usize;
        Self { depth, gone: [vec![false; lots], vec![false; lots]], clock_ms: [None; 2] }
    }

    fn execute(&mut self, ms: i64, mark: i64, lots: i64, limit: i64) -> (i64, i64) {
        let side = usize::from(lots > 0);
        let clock = self.clock_ms[side].get_or_insert(ms);
        while *clock + 1_000 <= ms {
            *clock += 1_000;
            for _ in 0..self.depth.refill_lots {
                if let Some(last) = self.gone[side].iter().rposition(|gone| *gone) {
                    self.gone[side][last] = false;
                }
            }
        }
        let (mut filled, mut cash) = (0, 0);
        for at in 0..self.gone[side].len() {
            let level = 1 + at as i64 / self.depth.level_lots as i64;
            let away = (mark * level * i64::from(self.depth.step) / 1_000_000).max(1);
            let price = mark + lots.signum() * away;
            let worse = if lots > 0 { price > limit } else { price < limit || price <= 0 };
            if worse || filled == lots {
                break;
            }
            if !self.gone[side][at] {
                self.gone[side][at] = true;
                filled += lots.signum();
                cash -= lots.signum() * price;
            }
        }
        (filled, cash)
    }
}

fn any_depth() -> impl Strategy<Value = Depth> {
    (1u32..6, 1u32..60_000, 1u64..20, 0u64..9).prop_map(|(levels, step, level_lots, refill_lots)| Depth {
        levels,
        step,
        level_lots,
        refill_lots,
    })
}

/// Lots that come on at each distance of the grid, bids and offers.
fn any_profile() -> impl Strategy<Value = DepthProfile> {
    let side = || {
        prop::array::uniform24(prop_oneof![Just(0u64), 1u64..30]).prop_map(|lots| {
            let mut sum = 0;
            lots.map(|more| {
                sum += more;
                sum
            })
        })
    };
    (side(), side()).prop_map(|(bids, offers)| DepthProfile::on_grid(bids, offers))
}

/// The walk over a book in its own words: every lot with its price, best first, those consumed struck out.
fn plain_walk(points: &[DepthPoint], consumed: usize, mark: i64, lots: i64, limit: i64) -> (i64, i64) {
    let mut each = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let before = if at == 0 { 0 } else { points[at - 1].lots };
        let away = (mark * i64::from(point.ppm) / 1_000_000).max(1);
        each.extend((before..point.lots).map(|_| mark + lots.signum() * away));
    }
    let fair = |price: &&i64| **price > 0 && if lots > 0 { **price <= limit } else { **price >= limit };
    let taken: Vec<i64> =
        each.iter().skip(consumed).take_while(fair).take(lots.unsigned_abs() as usize).copied().collect();
    (lots.signum() * taken.len() as i64, -lots.signum() * taken.iter().sum::<i64>())
}

proptest! {
    #[test]
    fn the_venue_is_the_plain_book(
        depth in any_depth(),
        orders in vec((0i64..4_000, 1i64..5_000, -60i64..60, -400i64..400), 1..40),
    ) {
        let (mut venue, mut plain) = (venue(&depth), Plain::new(depth));
        let mut replayed = venue.clone();
        let mut ms = 1_600_000_000_123;
        for (step, mark, lots, away) in orders {
            ms += step;
            let limit = (mark + away).max(0);
            let fill = fill(&mut venue, ms, price(mark as u64), order(lots, limit as u64));
            prop_assert_eq!((fill.lots, fill.quote), plain.execute(ms, mark, lots, limit));
            // Never beyond the order, the limit or the book.
            prop_assert!(fill.lots.signum() * lots.signum() >= 0 && fill.lots.abs() <= lots.abs());
            let within = if lots > 0 { -fill.quote <= fill.lots * limit } else { fill.quote >= -fill.lots * limit };
            prop_assert!(within);
            let gone = venue.consumed(I, lots, ms).unwrap();
            prop_assert!(gone <= u64::from(depth.levels) * depth.level_lots);
            replayed.replay(ms, I, lots, fill.lots).unwrap();
            prop_assert!(replayed == venue);
        }
    }

    /// What a walk takes and what is left are what there was.
    #[test]
    fn a_walk_over_a_book_conserves_lots_and_keeps_the_limit(
        profile in any_profile(),
        consumed in 0usize..200,
        mark in 1i64..3_000_000,
        lots in -400i64..400,
        away_ppm in -20_000i64..200_000,
    ) {
        let limit = (mark + lots.signum() * mark * away_ppm / 1_000_000).max(0);
        let ladder = Ladder::Book(profile.clone());
        let (taken, quote) = ladder.walk(consumed as u64, price(mark as u64), &order(lots, limit as u64));
        let (sign, taken) = (lots.signum(), taken as i64);
        let signed = (sign * taken, -sign * quote as i64);
        prop_assert_eq!(signed, plain_walk(profile.side(lots), consumed, mark, lots, limit));
        prop_assert!(taken <= lots.abs());
        let within = if lots > 0 { quote as i64 <= taken * limit } else { quote as i64 >= taken * limit };
        prop_assert!(within, "{taken} lots for {quote}, limit {limit}");
        // With no limit, this order and one for all the rest take the whole side.
        let free = order(lots, if lots > 0 { u64::MAX } else { 0 });
        let whole = profile.side(lots).last().map_or(0, |point| point.lots);
        let wide = price(10_000_000);
        let (first, _) = ladder.walk(consumed as u64, wide, &free);
        let rest = Order { lots: sign * 1_000_000, ..free };
        let (second, _) = ladder.walk(consumed as u64 + first, wide, &rest);
        prop_assert!(lots == 0 || first + second == whole.saturating_sub(consumed as u64));
    }

    /// A larger order never fills less, costs at least as much in total and at least as much per lot.
    #[test]
    fn cost_rises_with_size(depth in any_depth(), mark in 1u64..100_000, gone in 0i64..60, small in 1i64..60, more in 1i64..60, buys: bool) {
        let sign = if buys { 1 } else { -1 };
        let limit = if buys { u64::MAX } else { 0 };
        let fill = |lots: i64| {
            let mut venue = venue(&depth);
            fill(&mut venue, 0, price(mark), order(sign * gone, limit));
            fill(&mut venue, 0, price(mark), order(sign * lots, limit))
        };
        let (less, more) = (fill(small), fill(small + more));
        let cost = |fill: Fill| -i128::from(fill.quote) - i128::from(fill.lots) * i128::from(mark);
        prop_assert!(more.lots.abs() >= less.lots.abs());
        prop_assert!(cost(less) >= i128::from(less.lots.abs()), "a fill is at least a quantum a lot worse than the mark");
        prop_assert!(cost(more) >= cost(less));
        prop_assert!(cost(more) * i128::from(less.lots.abs()) >= cost(less) * i128::from(more.lots.abs()));
    }

    /// Cut anywhere, the journal gives the venue as it was there.
    #[test]
    fn a_journal_restores_the_venue_at_any_event(
        orders in vec((0i64..400_000, 1u64..5_000_000, -400i64..400), 1..40),
        cut in 0usize..40,
        seed: u64,
    ) {
        let config = VenueConfig { reject_ppm: 200_000, seed, ..VenueConfig::default() };
        let mut venue = SimulatedVenue::new(Scale::new(1_000_000).unwrap(), config, None).unwrap();
        let mut restored = RestoredVenue::new(venue.clone());
        let listed = Event::Listed { instrument: I, spec: spec(&DEPTH).into() };
        venue.list(I, &spec(&DEPTH)).unwrap();
        restored.happened(0, &listed).unwrap();
        let mut ms = 0;
        for ((step, mark, lots), id) in orders.into_iter().zip(1..).take(cut) {
            ms += step;
            let limit = if lots > 0 { u64::MAX } else { 0 };
            let event = venue.execute(ms, price(mark), id, &order(lots, limit)).unwrap().event(id);
            restored.decided(&[Command::PlaceOrder { order: id, account: AccountId(1), instrument: I, lots, limit }]);
            restored.happened(ms, &event).unwrap();
            prop_assert!(*restored.venue() == venue);
        }
        let later = ms + 77_777;
        prop_assert_eq!(restored.venue().mark(I, later, 1_000_000), venue.mark(I, later, 1_000_000));
    }
}

#[test]
fn an_instrument_with_a_book_fills_from_it_and_a_note_holds_it() {
    let text = "symbol,ts_ms,side,price,qty\n\
        X,1626992741261,B,99,5\nX,1626992741261,B,90,5\nX,1626992741261,A,101,5\nX,1626992741261,A,110,7\n";
    let books = Books::read(text.as_bytes(), "test", &BTreeMap::new()).unwrap();
    let scale = Scale::new(1_000_000).unwrap();
    let mut venue = SimulatedVenue::new(scale, VenueConfig::default(), Some(books.into())).unwrap();
    venue.list(I, &spec(&DEPTH)).unwrap();
    let note =
        r#"venue book of instrument 0: {"bids":[[10000,5],[100000,10]],"offers":[[10000,5],[100000,12]]}"#;
    assert_eq!(venue.book_note(I).as_deref(), Some(note));
    let sold = fill(&mut venue, 0, price(1_000_000), order(-7, 0));
    assert_eq!(sold, Fill { lots: -7, quote: 5 * 990_000 + 2 * 900_000 });
    assert_eq!(venue.impact_ppm(I, 0), Some(-7_000), "7 of 5 lots within 1 %");
}
