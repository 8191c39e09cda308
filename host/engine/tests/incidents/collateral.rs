//! Collateral that nobody should lend against: a thin token, and profit in a market that its holder moves.

use engine::apply::Refusal;
use engine::event::{AccountId, Event, InstrumentId};
use engine::rules::{InstrumentSpec, Kind, Redemption};
use model::margin::Severity;

use crate::common::{BTC, ETH, rules, spec};
use crate::scenario::{Scenario, UNIT, deposited, traded};

const TOKEN: InstrumentId = InstrumentId(2);
const DOLLAR: InstrumentId = InstrumentId(3);

fn asset(symbol: &str, weight_long: u32, weight_short: u32) -> InstrumentSpec {
    let kind = Kind::Collateral;
    InstrumentSpec {
        kind,
        weight_long,
        weight_short,
        brackets: vec![(0, 0)],
        mark_band: 999_999,
        ..spec(symbol)
    }
}

/// MNGO-PERP asks for all of its notional, ETH for a tenth; MNGO counts nothing, the dollar almost everything.
fn mango() -> Scenario {
    let perpetual = InstrumentSpec { initial: vec![(0, 1_000_000)], mark_band: 999_999, ..spec("MNGO-PERP") };
    let ether = InstrumentSpec { initial: vec![(0, 100_000)], ..spec("ETH") };
    let mut scenario = Scenario::new(rules(), [perpetual, ether], 0);
    let events = vec![
        Event::Listed { instrument: TOKEN, spec: asset("MNGO", 0, 2_000_000).into() },
        Event::Listed { instrument: DOLLAR, spec: asset("USDC", 990_000, 1_010_000).into() },
        Event::Mark { instrument: TOKEN, price: 38_000 },
        Event::Mark { instrument: DOLLAR, price: 1_000_000 },
    ];
    assert_eq!(scenario.play(events), []);
    scenario
}

fn moved(from: u64, to: u64, quanta: i64) -> Event {
    Event::Moved { from: AccountId(from), to: AccountId(to), quanta }
}

/// Raises the mark of `instrument` to `times` its price by steps of a quarter.
fn pump(scenario: &mut Scenario, instrument: InstrumentId, times: u64) {
    let mark = scenario.world.engine.markets()[usize::from(instrument.0)].mark.get();
    let mut price = mark;
    while price < times * mark {
        price = (price + price / 4).min(times * mark);
        scenario.mark(instrument, price);
    }
}

/// Incident 7: Mango, October 2022. The token's own price made the collateral.
#[test]
fn mango_token_of_weight_zero_buys_nothing_at_any_price() {
    let mut scenario = mango();
    let tokens = Event::DepositedAsset { account: AccountId(7), instrument: TOKEN, lots: 100_000_000 };
    let opened = |account| Event::Opened { account: AccountId(account), owner: 1, isolated: None };
    assert_eq!(scenario.play(vec![opened(7), opened(8), tokens]), []);
    for _ in 0..3 {
        assert_eq!(scenario.world.exact(7).equity, 0);
        assert_eq!(scenario.play(vec![traded(7, ETH, 1, 200_000)]), [Refusal::InitialMargin]);
        assert_eq!(scenario.play(vec![traded(7, BTC, -1, UNIT)]), [Refusal::InitialMargin]);
        assert_eq!(scenario.play(vec![moved(7, 8, 1)]), [Refusal::InitialMargin]);
        pump(&mut scenario, TOKEN, 5);
    }
    scenario.rest();
}

/// Incident 7: one owner on both sides of the perpetual, 5 times the price, and the profit of the long as collateral.
#[test]
fn mango_profit_in_a_market_that_asks_for_all_of_its_notional_is_no_collateral() {
    let mut scenario = mango();
    let opened = |account, owner| Event::Opened { account: AccountId(account), owner, isolated: None };
    let start = 5_000_000 * UNIT;
    let events = vec![
        opened(7, 1),
        opened(8, 1),
        opened(9, 1),
        deposited(7, start),
        deposited(8, 8 * start),
        traded(7, BTC, 4_830_000, UNIT),
        traded(8, BTC, -4_830_000, UNIT),
    ];
    assert_eq!(scenario.play(events), []);
    let free = start - 4_830_000 * UNIT;
    for times in [1, 2, 3] {
        if times > 1 {
            pump(&mut scenario, BTC, 2);
        }
        // What it did not need at the start is all that it may use, whatever its profit.
        assert_eq!(scenario.play(vec![moved(7, 9, free + 1)]), [Refusal::InitialMargin]);
        assert_eq!(scenario.play(vec![moved(7, 9, free), moved(9, 7, free)]), []);
        let lots = free / 20_000;
        assert_eq!(scenario.play(vec![traded(7, ETH, lots + 1, 200_000)]), [Refusal::InitialMargin]);
        assert_eq!(scenario.play(vec![traded(7, ETH, lots, 200_000), traded(7, ETH, -lots, 200_000)]), []);
    }
    let index = scenario.index(7);
    assert_eq!(scenario.world.engine.profit(index), i128::from(3 * 4_830_000 * UNIT), "which is there");
    scenario.rest();
}

/// Incident 7: what was taken away were loans of other assets.
#[test]
fn mango_assets_cannot_be_borrowed_beyond_equity() {
    let mut scenario = mango();
    let tokens = Event::DepositedAsset { account: AccountId(7), instrument: TOKEN, lots: 100_000_000 };
    assert_eq!(scenario.play(vec![deposited(7, 0), tokens]), []);
    pump(&mut scenario, TOKEN, 5);
    assert_eq!(scenario.play(vec![traded(7, DOLLAR, -100_000, UNIT)]), [Refusal::InitialMargin]);
    assert_eq!(scenario.size(7, DOLLAR), 0);
    assert!(scenario.world.severity(7) < Severity::Insolvent);
    assert_eq!(scenario.world.engine.bad_debt(), 0);
}

/// Incident 5: Binance, 10 October 2025. A dollar that redeemed for a dollar all day was marked at 0.65 on the venue's own thin book for forty
/// minutes, and accounts that held it as collateral were liquidated.
#[test]
fn binance_usde_a_thin_book_does_not_unmake_collateral_that_redeems() {
    for (redeems, stands) in [(true, true), (false, false)] {
        let redemption = Redemption { reference: None, ratio: 1_000_000, band: 20_000 };
        let wrapped = InstrumentSpec {
            lot_exponent: 0,
            redemption: redeems.then_some(redemption),
            ..asset("USDE", 900_000, 1_100_000)
        };
        let mut scenario = Scenario::new(rules(), [spec("BTC"), spec("ETH")], 10_000 * UNIT);
        let events = vec![
            Event::Listed { instrument: TOKEN, spec: wrapped.into() },
            Event::Mark { instrument: TOKEN, price: 1_000_000 },
            deposited(7, 0),
            Event::DepositedAsset { account: AccountId(7), instrument: TOKEN, lots: 1_000 },
            traded(7, BTC, 10_000, 1_000_000),
        ];
        assert_eq!(scenario.play(events), []);
        // The market falls by 6 %, and the wrapped dollar with it on the venue's book alone.
        for (btc, dollar) in [(970_000, 900_000), (940_000, 650_000)] {
            scenario.mark(TOKEN, dollar);
            scenario.mark(BTC, btc);
        }
        let marks = scenario.world.engine.markets();
        assert_eq!(marks[2].mark.get(), if redeems { 980_000 } else { 650_000 });
        // 882 of collateral less a loss of 600; at 0.65 it would be 585.
        assert_eq!(scenario.size(7, BTC) == 10_000, stands);
    }
}
