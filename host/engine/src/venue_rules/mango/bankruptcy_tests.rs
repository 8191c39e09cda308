use super::super::fixed::num;
use super::*;

/// At 2, assets at a half, liabilities at one and a half.
fn token() -> SettleToken {
    SettleToken { price: num("2"), asset_weight: num("0.5"), liability_weight: num("1.5") }
}

fn debtor(settle: &str, pnl: &str, other: &str, settle_limit: &str) -> Debtor {
    Debtor { settle: num(settle), pnl: num(pnl), other: num(other), settle_limit: num(settle_limit) }
}

fn relief(vault: u64, taken_max: u64) -> Relief {
    Relief { vault, insurance_price: num("4"), fee: num("0"), taken_max }
}

fn resolved(debtor: Debtor, relief: Relief) -> (Fixed, Fixed, u64, Fixed) {
    let got = resolve(&debtor, &token(), &relief).unwrap();
    (got.settled, got.insured, got.insurance, got.socialized)
}

fn expected(settled: &str, insured: &str, insurance: u64, socialized: &str) -> (Fixed, Fixed, u64, Fixed) {
    (num(settled), num(insured), insurance, num(socialized))
}

#[test]
fn what_health_carries_is_settled() {
    // 30 - 10 elsewhere: 20 may leave. Below 0 at 3 each: 30, and 9 / 3.
    assert_eq!(resolved(debtor("30", "-15", "-10", "100"), relief(9, 100)), expected("15", "0", 0, "0"));
    assert_eq!(resolved(debtor("30", "-50", "-10", "100"), relief(9, 10)), expected("10", "0", 0, "0"));
    assert_eq!(resolved(debtor("30", "-33", "9", "100"), relief(9, 100)), expected("33", "0", 0, "0"));
    assert_eq!(resolved(debtor("-3", "-2", "18", "100"), relief(9, 100)), expected("2", "0", 0, "0"));
}

#[test]
fn the_rest_is_insured_and_then_socialized() {
    // 20 settled of 50; balance with the loss -20: health -60 - 10. To 0: 20 at 3, and 10 at 1: 30.
    let broke = debtor("30", "-50", "-10", "100");
    assert_eq!(resolved(broke, relief(100, 100)), expected("20", "30", 15, "0"));
    assert_eq!(resolved(broke, relief(15, 100)), expected("20", "30", 15, "0"));
    assert_eq!(resolved(broke, relief(6, 100)), expected("20", "12", 6, "18"));
    assert_eq!(resolved(broke, relief(0, 100)), expected("20", "0", 0, "30"));
    // The liquidator takes 7 more, insured by 3.5 -> 4; the vault is not empty.
    assert_eq!(resolved(broke, relief(100, 27)), expected("20", "7", 4, "0"));
    // It takes all of the vault with the 4: the rest is carried by the market.
    assert_eq!(resolved(broke, relief(4, 27)), expected("20", "7", 4, "23"));
    // 20 taken: exactly what can be settled, so nobody is insured, and an empty vault socialises.
    assert_eq!(resolved(broke, relief(100, 20)), expected("20", "0", 0, "0"));
    assert_eq!(resolved(broke, relief(0, 20)), expected("20", "0", 0, "30"));
    assert_eq!(resolved(broke, relief(0, 19)), expected("19", "0", 0, "0"));
}

#[test]
fn a_loss_that_health_bears_stays() {
    // The limit stops settlement at 5; health is 30 - 8 - 10 = 12: nothing to resolve.
    assert_eq!(resolved(debtor("30", "-8", "-10", "5"), relief(100, 100)), expected("5", "0", 0, "0"));
    // Only down to health 0: 10 - 9 - 7 = -6, so 6 of the loss of 9 at an asset's 1.
    assert_eq!(resolved(debtor("10", "-9", "-7", "0"), relief(0, 0)), expected("0", "0", 0, "6"));
    // 10 - 11 - 7: 1 at 3 and 7 at 1.
    assert_eq!(resolved(debtor("10", "-11", "-7", "0"), relief(0, 0)), expected("0", "0", 0, "8"));
    // No collateral: -4 at 3 and 6 elsewhere, so 2 at 3.
    assert_eq!(resolved(debtor("0", "-4", "6", "0"), relief(0, 0)), expected("0", "0", 0, "2"));
}

#[test]
fn the_liquidators_fee_costs_the_fund() {
    // 30 at 2 with a quarter on top is 75: 18.75 -> 19 of insurance at 4.
    let fee = Relief { fee: num("0.25"), ..relief(100, 100) };
    assert_eq!(resolved(debtor("30", "-50", "-10", "100"), fee), expected("20", "30", 19, "0"));
    // 5 of insurance buy 20 / 2.5 = 8.
    assert_eq!(
        resolved(debtor("30", "-50", "-10", "100"), Relief { vault: 5, ..fee }),
        expected("20", "8", 5, "22")
    );
}

#[test]
fn what_is_no_loss_is_refused() {
    let result = |pnl: &str| resolve(&debtor("1", pnl, "0", "0"), &token(), &relief(0, 0));
    assert_eq!(result("0"), Err(MangoError::PnlNotNegative));
    assert_eq!(result("1"), Err(MangoError::PnlNotNegative));
    let free = Relief { insurance_price: num("0"), ..relief(9, 100) };
    assert_eq!(resolve(&debtor("0", "-4", "0", "0"), &token(), &free), Err(MangoError::Overflow));
}
