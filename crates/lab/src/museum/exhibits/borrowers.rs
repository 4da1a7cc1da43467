//! What exhibits of loans share: members who post collateral and take out what the rules lend against it.

use crate::museum::stage::{Member, Stage};

/// So many members post so much each and take out a part of what the rules lend against it.
pub(super) fn borrow(stage: &mut Stage, symbol: &str, members: usize, units: f64, part: f64) -> Vec<Member> {
    let mut borrowers = Vec::new();
    for at in 0..members {
        let member = stage.join(&format!("borrower {at}"), 0.0);
        stage.pay_in_collateral(member, symbol, units);
        stage.pass(1);
        take_out(stage, member, part);
        borrowers.push(member);
    }
    borrowers
}

/// A member takes out a part of what the rules lend it.
pub(super) fn take_out(stage: &mut Stage, member: Member, part: f64) {
    let wanted = stage.lendable_usd(member) * part;
    if wanted > 1.0 {
        stage.withdraw(member, wanted);
        stage.pass(1);
    }
}

/// What they owe, USD.
pub(super) fn owed_usd(stage: &Stage, borrowers: &[Member]) -> f64 {
    borrowers.iter().map(|member| stage.loan_usd(*member)).sum()
}

/// How many of them were liquidated.
pub(super) fn liquidated(stage: &Stage, borrowers: &[Member]) -> f64 {
    borrowers.iter().filter(|member| stage.liquidations(**member) > 0).count() as f64
}
