//! Prices of every temper, through events: each bad one has its answer, nothing blocks, no money moves by them, and a volatile market asks
//! more of new risk only.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, ETH, FAIR, World, rules, spec};
use engine::apply::Refusal;
use engine::event::{AccountId, Event, InstrumentId, Source};
use engine::ledger::Owner;
use engine::rules::{Composition, InstrumentSpec, Volatility};
use model::margin::Severity;

const COMPOSITION: Composition = Composition { stale_ms: 10_000, ema_ms: 150_000, band: 50_000 };
const COMPOSED: Event = Event::Composed { instrument: BTC };

/// BTC, whose marks are composed; its first is 1,000,000.
fn world() -> World {
    let composed = InstrumentSpec { composition: Some(COMPOSITION), ..spec("BTC") };
    let mut world = World {
        engine: engine::Engine::new(rules()).unwrap(),
        sequence: 0,
        time_ms: 0,
        venue: FAIR,
        severities: Default::default(),
        actions: Vec::new(),
        device: Default::default(),
    };
    let applied = world.round(vec![
        Event::FundEndowed { instrument: None, quanta: 1_000_000_000 },
        Event::Listed { instrument: BTC, spec: composed.into() },
        Event::Listed { instrument: ETH, spec: spec("ETH").into() },
        priced(Source::Index, 1_000_000),
        COMPOSED,
        Event::Mark { instrument: ETH, price: 200_000 },
    ]);
    assert_eq!(applied.refused, []);
    world
}

fn priced(source: Source, price: u64) -> Event {
    Event::Priced { instrument: BTC, source, price }
}

fn mark(world: &World) -> u64 {
    world.engine.markets()[0].mark.get()
}

/// Prices and a composition a second later; the mark.
fn compose(world: &mut World, prices: &[(Source, u64)]) -> u64 {
    let events = prices.iter().map(|&(source, price)| priced(source, price)).chain([COMPOSED]);
    assert_eq!(world.round(events.collect()).refused, []);
    mark(world)
}

fn refusals(world: &mut World, event: Event) -> Vec<Refusal> {
    world.apply(vec![event]).0.refused.into_iter().map(|(_, refusal)| refusal).collect()
}

#[test]
fn marks_are_composed_where_the_rules_say_so_and_only_there() {
    let mut world = world();
    assert_eq!(
        refusals(&mut world, Event::Mark { instrument: BTC, price: 1_000_000 }),
        [Refusal::Composition]
    );
    assert_eq!(refusals(&mut world, Event::Composed { instrument: ETH }), [Refusal::Composition]);
    assert_eq!(refusals(&mut world, Event::Composed { instrument: InstrumentId(5) }), [Refusal::Instrument]);
    let prices = [(Source::Index, 1_000_000), (Source::Last, 1_010_000), (Source::Venue(0), 1_004_000)];
    assert_eq!(compose(&mut world, &prices), 1_004_000);
}

#[test]
fn impossible_prices_are_refused_by_name_and_change_nothing() {
    let mut world = world();
    let hash = |world: &World| (mark(world), world.engine.ledger().of(Owner::Outside).cash);
    let before = hash(&world);
    for (source, price, refusal) in [
        (Source::Index, 0, Refusal::Price),
        (Source::Last, 1 << 32, Refusal::Price),
        (Source::Venue(8), 1_000_000, Refusal::Source),
    ] {
        assert_eq!(refusals(&mut world, priced(source, price)), [refusal]);
    }
    assert_eq!(hash(&world), before);
}

#[test]
fn sources_that_stop_jump_repeat_disagree_or_go_back_drop_out_and_marks_go_on() {
    let mut world = world();
    world.open(1, BTC, 10_000, 60_000_000);
    let good = [(Source::Index, 1_000_000), (Source::Last, 1_000_000), (Source::Venue(0), 1_000_000)];
    compose(&mut world, &good);
    // A bad print of 1 %, again and again, from one source: nobody is liquidated by it.
    for _ in 0..5 {
        assert_eq!(
            compose(
                &mut world,
                &[(Source::Last, 10_000), (Source::Index, 1_000_000), (Source::Venue(0), 1_000_000)]
            ),
            1_000_000
        );
    }
    assert_eq!((world.engine.counters().prices_doubted, world.severity(1)), (5, Severity::Warned));
    // Of two that disagree wildly the third decides.
    assert_eq!(
        compose(
            &mut world,
            &[(Source::Index, 1_000_000), (Source::Last, 1_100_000), (Source::Venue(0), 999_000)]
        ),
        1_000_000
    );
    // All but one stop: the mark follows it.
    world.time_ms += 10_000;
    assert_eq!(compose(&mut world, &[(Source::Venue(0), 1_000_200)]), 1_000_200);
    // All stop: the mark stands, verdicts and events go on.
    world.time_ms += 10_000;
    let dues = world.round(vec![COMPOSED]).dues;
    assert_eq!((dues.len(), mark(&world), world.engine.counters().marks_missing), (0, 1_000_200, 1));
    world.round(vec![Event::Deposited { account: AccountId(1), quanta: 5 }]);
    // A clock that steps back: the price is refused, and the next one in time is taken.
    world.time_ms -= 30_000;
    assert_eq!(refusals(&mut world, priced(Source::Venue(0), 990_000)), [Refusal::Source]);
    world.time_ms += 31_000;
    assert_eq!(compose(&mut world, &[(Source::Index, 1_000_000)]), 1_000_000);
    assert_eq!(world.holdings(1).1, 10_000, "nobody was touched");
    assert!(world.engine.ledger().is_balanced());
}

#[test]
fn a_composed_mark_goes_through_the_mark_guard_too() {
    let mut world = world();
    world.time_ms += 20_000;
    // One fresh source that was never seen, 40 % lower: its own guard has nothing to compare, the mark's has.
    assert_eq!(compose(&mut world, &[(Source::Venue(3), 600_000)]), 1_000_000);
    assert_eq!(world.engine.mark_counts().next().unwrap().1.held, 1);
}

const VOLATILITY: Volatility = Volatility {
    window_ms: 600_000,
    reference: 1_000,
    multiple_max: 3_000_000,
    rise: 1_000_000,
    fall: 600_000,
};

#[test]
fn a_spike_asks_more_of_new_risk_and_nothing_of_what_is_there() {
    let volatile = InstrumentSpec {
        initial: vec![(0, 20_000), (50_000_000_000, 30_000)],
        volatility: Some(VOLATILITY),
        ..spec("BTC")
    };
    let mut world = World::with(rules(), [volatile, spec("ETH")], 0, FAIR);
    world.open(1, BTC, 1_000, 100_000_000);
    world.open(2, BTC, -1_000, 100_000_000);
    let before = world.exact(1).requirement;
    // 2 % up and down again within two minutes: the multiple rises by one a minute.
    for price in [1_020_000, 1_000_000] {
        world.time_ms += 59_000;
        world.mark(price);
    }
    assert_eq!(world.exact(1).requirement, before, "the maintenance margin has not moved");
    assert_eq!(
        (world.severity(1), world.severity(2), world.engine.watched()),
        (Severity::Healthy, Severity::Healthy, 0)
    );
    // 2,000 lots ask 40,000,000 at rest, times a multiple of nearly 3: 100,000,000 do not do. Before the spike they did.
    let more =
        |lots: i64| Event::Traded { account: AccountId(1), instrument: BTC, lots, quote: -lots * 1_000_000 };
    assert_eq!(refusals(&mut world, more(1_000)), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, more(-1)), [], "reducing is always possible");
    // An hour of quiet takes 0.6 off, and two more the rest.
    for _ in 0..180 {
        world.time_ms += 59_000;
        world.mark(1_000_000);
    }
    assert_eq!(refusals(&mut world, more(1_000)), []);
}

#[test]
fn without_an_initial_table_volatility_raises_the_maintenance_requirement_for_trades() {
    let volatile = InstrumentSpec { volatility: Some(VOLATILITY), ..spec("BTC") };
    let mut world = World::with(rules(), [volatile, spec("ETH")], 0, FAIR);
    world.round(vec![Event::Deposited { account: AccountId(1), quanta: 5_000_000 }]);
    let trade =
        |lots: i64| Event::Traded { account: AccountId(1), instrument: BTC, lots, quote: -lots * 1_000_000 };
    assert_eq!(refusals(&mut world, trade(1_001)), [Refusal::InitialMargin]);
    assert_eq!(refusals(&mut world, trade(1_000)), []);
}
