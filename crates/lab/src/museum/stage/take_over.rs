//! A book that somebody else kept, taken over as it stands: accounts with positions at their entry prices, sound or not.

use super::{Known, Member, POOL, Stage};
use crate::drill::convert::{lots, money, price, usd};
use crate::drill::keys::key_of;
use clearing::Engine;
use clearing::margin;
use clearing::state::{Account, Position};
use clearing::table::{AccountId, InstrumentId};
use clearing::units::{MAX_QUANTITY, Money};

/// An account to take over.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenOver {
    /// Its name.
    pub name: String,
    /// What was paid in, USD, without profit and loss of positions.
    pub cash_usd: f64,
    /// Perpetual positions: asset, units, USD a unit at entry.
    pub positions: Vec<(String, f64, f64)>,
    /// Collateral: asset, units.
    pub collateral: Vec<(String, f64)>,
}

impl Stage {
    /// Takes over accounts; whatever they are long or short together, `counterparty` is on the other side of, at the marks.
    ///
    /// No command could do that: whoever is below initial margin may not open, and a foreign venue's rules let many stand there. So the state
    /// is put together with the accounts in it, and the core takes it only if everything sums.
    ///
    /// # Errors
    /// If an asset is not listed as what the book holds of it, or the core does not take the state.
    pub fn take_over(&mut self, book: &[TakenOver], counterparty: Member) -> Result<Vec<Member>, String> {
        let taken: Vec<Account> = book.iter().map(|own| self.account_of(own)).collect::<Result<_, String>>()?;
        let mut state = self.engine.state().clone();
        let (_, pool) = state.pools.iter_mut().find(|(id, _)| *id == POOL).expect("the stage has a pool");
        let other = self.members[counterparty.0].account;
        let mut joined = Vec::with_capacity(book.len());
        for (own, account) in book.iter().zip(taken) {
            for position in &account.positions {
                let instrument = &mut pool.instruments[position.instrument];
                instrument.open_interest += position.quantity.or_zero();
                if instrument.is_spot() {
                    instrument.total += position.quantity;
                } else {
                    let mark = instrument.mark;
                    let before = pool.accounts.find(other).map(|other| other.quantity(position.instrument));
                    let before = before.unwrap_or_default();
                    against(pool.accounts.edit(other), position, mark * position.quantity);
                    pool.instruments[position.instrument].open_interest +=
                        (before - position.quantity).or_zero() - before.or_zero();
                }
            }
            let id = pool.accounts.push(account);
            joined.push(Member(self.members.len()));
            let paid_in =
                own.cash_usd + own.collateral.iter().map(|(symbol, units)| units * self.index(symbol)).sum::<f64>();
            self.members.push(Known { key: key_of(&own.name), account: id, next_order: 1, paid_in, taken_out: 0.0 });
        }
        // What was paid in, and what positions have gained since they were opened: whoever kept the book holds it.
        pool.custody = clearing::invariants::books(pool);
        let taken_over = Engine::take_over(state);
        self.engine = taken_over.map_err(|error| format!("the core does not take the book over: {error}"))?;
        Ok(joined)
    }

    fn account_of(&self, own: &TakenOver) -> Result<Account, String> {
        let mut account = Account::new(key_of(&own.name));
        account.cash = money(own.cash_usd);
        for (symbol, units, entry_usd) in &own.positions {
            let (instrument, lot) = self.listed_as(symbol, |listed| listed.perpetual, "a perpetual")?;
            let quantity = lots(*units, lot);
            if quantity.is_zero() || quantity.abs().get() > MAX_QUANTITY {
                return Err(format!("{}: {symbol}: found {units} units, allowed: 1 to 2^40 lots of {lot}", own.name));
            }
            let entry = price(*entry_usd, lot) * quantity;
            account.cash -= entry;
            account.positions.push(Position { instrument, quantity, entry });
        }
        for (symbol, units) in &own.collateral {
            let (instrument, lot) = self.listed_as(symbol, |listed| listed.spot, "collateral")?;
            let quantity = lots(*units, lot);
            if quantity.is_zero() || quantity.abs().get() > MAX_QUANTITY {
                return Err(format!("{}: {symbol}: found {units} units, allowed: 1 to 2^40 lots of {lot}", own.name));
            }
            let entry = Money::ZERO;
            account.positions.push(Position { instrument, quantity, entry });
        }
        account.positions.sort_by_key(|position| position.instrument);
        Ok(account)
    }

    fn listed_as(
        &self,
        symbol: &str,
        instrument: impl Fn(&super::Listed) -> Option<InstrumentId>,
        what: &str,
    ) -> Result<(InstrumentId, f64), String> {
        let listed = self.listed.iter().find(|listed| listed.asset.symbol == symbol);
        let found = listed.and_then(|listed| Some((instrument(listed)?, listed.asset.lot_size)));
        found.ok_or_else(|| format!("{symbol}: found in the book, allowed: what the pool lists as {what}"))
    }

    /// The member with this account; the fund is nobody.
    #[must_use]
    pub fn member(&self, account: AccountId) -> Option<Member> {
        self.member_of(account)
    }
}

/// What an account must have.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Needs {
    /// To open more, USD.
    pub initial_usd: f64,
    /// Not to be liquidated, USD.
    pub maintenance_usd: f64,
    /// Whether it has too little for that.
    pub breaches: bool,
}

impl Stage {
    /// What an account must have now.
    #[must_use]
    pub fn needs(&self, member: Member) -> Needs {
        let pool = &self.engine.state().pools[POOL];
        let held = &pool.accounts[self.members[member.0].account];
        let (cash, positions) = (held.cash, &held.positions);
        Needs {
            initial_usd: usd(margin::initial_margin(pool, cash, positions)),
            maintenance_usd: usd(margin::maintenance_margin(pool, cash, positions)),
            breaches: margin::breaches(pool, cash, positions),
        }
    }
}

impl Member {
    /// How many joined between another member and this one; none if this one was first.
    pub(crate) fn places_after(self, other: Self) -> Option<usize> {
        self.0.checked_sub(other.0)
    }
}

/// The other side of a position, at what it is worth now.
fn against(account: &mut Account, position: &Position, worth: Money) {
    account.cash += worth;
    match account.positions.binary_search_by_key(&position.instrument, |held| held.instrument) {
        Ok(at) => {
            account.positions[at].quantity -= position.quantity;
            account.positions[at].entry -= worth;
            if account.positions[at].quantity.is_zero() {
                account.positions.remove(at);
            }
        }
        Err(at) => {
            let quantity = -position.quantity;
            account.positions.insert(at, Position { instrument: position.instrument, quantity, entry: -worth });
        }
    }
}
