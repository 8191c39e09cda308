use super::super::fixed::num;
use super::super::health::SideWeights;
use super::*;

fn both(weight: &str) -> SideWeights {
    SideWeights { init: num(weight), maint: num(weight) }
}

/// At 2, base at half, short base at one and a half.
fn market(overall: &str) -> PerpMarket {
    let weights = PerpWeights { asset: both("0.5"), liability: both("1.5"), overall: both(overall) };
    PerpMarket { weights, price: num("2"), base_fee: num("0"), profit_fee: num("0") }
}

fn account(spot: &str, base: i64, quote: &str, other: &str) -> PerpAccount {
    PerpAccount { spot: num(spot), position: PerpPosition { base, quote: num(quote) }, other: num(other) }
}

fn liquidated(account: PerpAccount, base: u64, profit: u64, market: PerpMarket) -> PerpAccount {
    liquidate(&account, Offer { base, profit }, &market).unwrap()
}

#[test]
fn a_loss_is_reduced_until_health_is_zero() {
    // 20 long: 20 - 40 = -20, with 5 and 4 elsewhere health is -11; a lot gains 1.
    let long = account("5", 20, "-40", "4");
    assert_eq!(long.liquidation_end_health(&market("0.5")), Ok(num("-11")));
    assert_eq!(liquidated(long, 100, 0, market("0.5")), account("5", 9, "-18", "4"));
    assert_eq!(liquidated(long, 3, 0, market("0.5")), account("5", 17, "-34", "4"));
    // 10.5 short of 0 needs 11 lots.
    let half = account("5.5", 20, "-40", "4");
    assert_eq!(liquidated(half, 100, 0, market("0.5")), account("5.5", 9, "-18", "4"));
    let short = account("5", -20, "40", "4");
    assert_eq!(liquidated(short, 100, 0, market("0.5")), account("5", -9, "18", "4"));
    assert_eq!(liquidated(short, 4, 0, market("0.5")), account("5", -16, "32", "4"));
    let safe = account("20", 20, "-40", "0");
    assert_eq!(liquidated(safe, 100, 100, market("0.5")), safe);
}

#[test]
fn the_fee_makes_a_lot_worth_less() {
    // Sold at 1.5, a lot gains 0.5; bought at 2.5, likewise.
    let fee = PerpMarket { base_fee: num("0.25"), ..market("0.5") };
    assert_eq!(liquidated(account("15", 20, "-40", "0"), 100, 0, fee), account("15", 10, "-25", "0"));
    assert_eq!(liquidated(account("15", -20, "40", "0"), 100, 0, fee), account("15", -10, "15", "0"));
    let greedy = PerpMarket { base_fee: num("0.5"), ..fee };
    for base in [20, -20] {
        let held = account("-9", base, "0", "0");
        assert_eq!(liquidated(held, 100, 0, greedy), held);
    }
}

#[test]
fn profit_is_taken_over_where_it_helps() {
    // Profit 30, half counts: -40 + 15 - 5. Taking 1 gains a half; base adds what can be taken.
    let held = account("-40", 20, "10", "-5");
    // 45 of profit is needed: 15 lots, then all of it is taken.
    assert_eq!(liquidated(held, 100, 100, market("0.5")), account("5", 5, "-5", "-5"));
    // At most 33 taken: 45 = 33 + 24 / 2, so 27 lots, but 20 are there; 33 of 50 taken.
    assert_eq!(liquidated(held, 100, 33, market("0.5")), account("-7", 0, "17", "-5"));
    // Nothing taken: every lot counts half.
    assert_eq!(liquidated(held, 7, 0, market("0.5")), account("-40", 13, "24", "-5"));
    // Profit that counts nothing and is not taken leaves the base alone.
    assert_eq!(liquidated(held, 100, 0, market("0")), held);
    assert_eq!(liquidated(held, 100, 20, market("0")), account("-20", 20, "-10", "-5"));
    // Taken at 3/4 of its value, a quarter more than it counts: all 30 would cover 22.5 of 19, so no base; 4 short take 16.
    let fee = PerpMarket { profit_fee: num("0.25"), ..market("0.5") };
    assert_eq!(liquidated(account("-14", 20, "10", "-5"), 100, 100, fee), account("-2", 20, "-6", "-5"));
    // Taking over at a price below its weight would cost health.
    let cheap = PerpMarket { profit_fee: num("0.5"), ..market("0.5") };
    assert_eq!(liquidated(account("-14", 20, "10", "-5"), 0, 100, cheap), account("-14", 20, "10", "-5"));
}

#[test]
fn a_loss_turns_into_profit_on_the_way() {
    // -10 elsewhere and -5 of loss; 5 lots to no loss, 10 more to a profit of 10 that is taken.
    let held = account("-7", 20, "-25", "-3");
    assert_eq!(liquidated(held, 100, 100, market("0")), account("3", 5, "-5", "-3"));
}
