//! What is asked for first: withdrawals, new orders, pauses.

use super::{Effect, Refusal};
use crate::account::Stage;
use crate::event::{AccountId, InstrumentId, TimeMs};
use crate::ledger::{Amount, Owner};
use crate::margin::initial::margin_ceil;
use crate::stability::{Level, Pause, Phase};
use crate::state::Engine;
use model::margin::Severity;

/// Longest reason of a pause, bytes.
pub const REASON_MAX: usize = 256;

impl Engine {
    /// Cash leaves, if the gate is open and the account can do without it.
    pub(super) fn withdraw(
        &mut self,
        account: AccountId,
        quanta: i64,
        effect: &mut Effect,
    ) -> Result<(), Refusal> {
        let result = self.try_withdraw(account, quanta, effect);
        self.counters.withdrawals_refused += u64::from(result.is_err());
        result
    }

    fn try_withdraw(&mut self, account: AccountId, quanta: i64, effect: &mut Effect) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let amount = i128::from(quanta);
        if quanta < 0 {
            return Err(Refusal::Cash);
        }
        if self.are_withdrawals_closed() {
            return Err(Refusal::WithdrawalsClosed);
        }
        self.check_leaving(index, amount)?;
        let (now_ms, held) = (self.time_ms, self.held_from_outside());
        let (limit, scale) = (self.rules.gates.day_limit, self.scale.get());
        if !self.withdrawals.take(amount.unsigned_abs(), now_ms, held, limit, scale) {
            return Err(Refusal::DayLimit);
        }
        self.ledger.transfer(Owner::Margin(index), Owner::Outside, Amount::Quote(amount));
        self.standings[index].paid_in -= amount;
        effect.cash(self, index, -amount, false);
        Ok(())
    }

    /// Whether cash may leave the account, for outside or another account: its marks are believed, it is not being liquidated, and it keeps
    /// its initial margin, that of its orders and a portion of its notional.
    pub(super) fn check_leaving(&self, index: usize, amount: i128) -> Result<(), Refusal> {
        if self.holds_doubt(index) {
            return Err(Refusal::WithdrawalsClosed);
        }
        if self.is_in_liquidation(index) {
            return Err(Refusal::Severity);
        }
        let kept = self.notional(index) as i128 * i128::from(self.rules.gates.withdrawal_portion);
        let left = self.exact(index).equity - amount * i128::from(self.scale.get());
        if left < self.initial_with_orders(index).max(kept) { Err(Refusal::InitialMargin) } else { Ok(()) }
    }

    fn is_in_liquidation(&self, index: usize) -> bool {
        let standing = &self.standings[index];
        standing.stage == Stage::Reducing || standing.device_severity >= Severity::Liquidatable as u8
    }

    /// A new order asks to rest: one that adds to the position reserves its own initial margin at its limit.
    pub(super) fn order(
        &mut self,
        account: AccountId,
        instrument: InstrumentId,
        lots: i64,
        limit: u64,
    ) -> Result<(), Refusal> {
        let index = self.ledger.find(account).ok_or(Refusal::Account)?;
        let size = self.size_after(index, instrument, lots)?;
        let limit = self.market(instrument).price(limit).ok_or(Refusal::Price)?.get();
        if lots == 0 {
            return Err(Refusal::Sign);
        }
        if self.is_in_liquidation(index) {
            return Err(Refusal::Severity); // its orders are being cancelled
        }
        let held = self.ledger.margin(index).size(instrument);
        let mut margin = 0;
        if adds(held, size) {
            self.check_opening(
                instrument,
                lots.unsigned_abs(),
                u128::from(limit) * u128::from(lots.unsigned_abs()),
            )?;
            let notional = u128::from(lots.unsigned_abs()) * u128::from(limit);
            let own = self.market(instrument).initial_requirement(notional, self.scale);
            margin = margin_ceil(own, self.scale);
            let needed = self.initial_with_orders(index) + margin * i128::from(self.scale.get());
            if self.exact(index).equity < needed {
                return Err(Refusal::InitialMargin);
            }
        }
        let standing = &mut self.standings[index];
        let count = standing.resting.checked_add(1).ok_or(Refusal::Size)?;
        let reserved = u64::try_from(i128::from(standing.reserved) + margin).map_err(|_| Refusal::Cash)?;
        (standing.resting, standing.reserved) = (count, reserved);
        Ok(())
    }

    /// Whether the market takes new risk now, of `lots` for `value` quanta (magnitudes).
    pub(super) fn check_opening(
        &self,
        instrument: InstrumentId,
        lots: u64,
        value: u128,
    ) -> Result<(), Refusal> {
        if self.is_paused(Some(instrument), Pause::Opening) {
            return Err(Refusal::Paused);
        }
        if self.level(instrument) == Level::MarksOnly {
            return Err(Refusal::Halted);
        }
        let market = self.market(instrument);
        match (self.phase(instrument), market.spec.breaker) {
            (Phase::Halted, _) => Err(Refusal::Halted),
            (Phase::Reopening(stage), Some(rule)) => {
                let at_mark = u128::from(lots) * u128::from(market.mark.get());
                let band = u128::from(stage) * u128::from(rule.stage_band);
                let away = value.abs_diff(at_mark) * u128::from(self.scale.get());
                if away > at_mark * band { Err(Refusal::Halted) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    pub(super) fn pause(
        &mut self,
        scope: Option<InstrumentId>,
        action: Pause,
        reason: &str,
        until_ms: TimeMs,
    ) -> Result<(), Refusal> {
        if let Some(instrument) = scope {
            self.trading(instrument)?;
        }
        let is_scoped_withdrawal = scope.is_some() && action == Pause::Withdrawals;
        let longest_ms = self.time_ms.saturating_add(self.rules.pause_ms_max);
        let in_time = self.time_ms < until_ms && until_ms <= longest_ms;
        if reason.is_empty() || reason.len() > REASON_MAX || !in_time || is_scoped_withdrawal {
            return Err(Refusal::Pause);
        }
        self.pauses.insert((scope, action), until_ms);
        self.counters.pauses += 1;
        Ok(())
    }

    pub(super) fn resume(&mut self, scope: Option<InstrumentId>, action: Pause) -> Result<(), Refusal> {
        let until_ms = self.pauses.remove(&(scope, action));
        if until_ms.is_some_and(|until_ms| self.time_ms < until_ms) { Ok(()) } else { Err(Refusal::Pause) }
    }
}

/// True unless the position becomes smaller on its side.
pub(super) fn adds(held: i64, size: i64) -> bool {
    !(size.abs() <= held.abs() && (size == 0 || size.signum() == held.signum()))
}
