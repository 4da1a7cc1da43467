//! Lives of books: the instruments, what members ask for, block after block, and where the feeds go.

use super::world::{new_order, perpetual, spot};
use super::{MEMBERS, START};
use clearing::command::{Lifetime, NewOrder};
use clearing::parameters::InstrumentParameters;
use clearing::units::{Price, Ratio, Time};
use proptest::prelude::*;

/// A member and an order, whose limit counts from the mark that the member sees and whose last time from the block's.
pub type Wish = (u32, NewOrder);

/// One block of a life: how long after the last, where the feeds go, and who asks for what.
#[derive(Clone, Debug)]
pub struct Step {
    pub elapsed: i64,
    pub indices: [i64; 2],
    /// Whether the feeds are too unsure of themselves to be live.
    pub doubtful: bool,
    pub wishes: Vec<Wish>,
}

fn wish(instruments: u16) -> impl Strategy<Value = Wish> {
    let lots = prop_oneof![4 => 1_i64..12, 1 => 1_i64..200].prop_flat_map(|size| prop_oneof![Just(size), Just(-size)]);
    let away = prop::option::weighted(0.9, prop_oneof![4 => -3_i64..=3, 4 => -12_i64..=12, 1 => -40_i64..=40]);
    let until = (0_i64..4_000).prop_map(|length| Lifetime::Until(Time::new(length)));
    let lifetime = prop_oneof![4 => Just(Lifetime::UntilCancelled), 1 => Just(Lifetime::ThisBlock), 1 => until];
    let order = (0..instruments, lots, away, lifetime, prop::bool::weighted(0.2));
    let order = order.prop_map(|(instrument, lots, away, lifetime, reduce_only)| NewOrder {
        lifetime,
        reduce_only,
        ..new_order(0, instrument, lots, away)
    });
    (MEMBERS, order)
}

/// Marks that jump leave resting orders beyond the band, which then calls an auction.
fn step(instruments: u16) -> impl Strategy<Value = Step> {
    let index = |start: i64| prop_oneof![Just(start), Just(start + 14), start - 15..=start + 15];
    let elapsed = prop_oneof![Just(400), Just(1_000), Just(2_500)];
    let wishes = prop::collection::vec(wish(instruments), 0..14);
    (elapsed, [index(START[0]), index(START[1])], prop::bool::weighted(0.1), wishes)
        .prop_map(|(elapsed, indices, doubtful, wishes)| Step { elapsed, indices, doubtful, wishes })
}

pub fn life(most: u16) -> impl Strategy<Value = Vec<Step>> {
    (1..=most).prop_flat_map(|instruments| prop::collection::vec(step(instruments), 1..9))
}

/// Two perpetuals on one feed with different bands, one that may trade below zero, and a balance that can be sold.
pub fn listed() -> Vec<InstrumentParameters> {
    let plain = |feed: u16, band: i64| InstrumentParameters {
        band: Ratio::new(band),
        // Without a premium the mark is the index, and funding is nothing.
        mark_band: Ratio::ZERO,
        fee: Ratio::new(1_700),
        ..perpetual(feed)
    };
    let below_zero = InstrumentParameters { negative_prices: true, stress_base: Price::new(100), ..plain(1, 90_000) };
    let balance = InstrumentParameters { kind: spot(0).kind, ..plain(0, 100_000) };
    vec![plain(0, 100_000), plain(0, 47_000), below_zero, balance]
}
