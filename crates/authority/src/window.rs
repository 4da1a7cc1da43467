//! Which nonces a key has used: the highest, and the 255 below it one by one.

use crate::refusal::Refusal;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::units::Time;

/// How many nonces, counted down from the highest, may still come in any order.
pub const NONCE_WINDOW: u64 = 256;

/// The furthest that a nonce may lie above the highest before it, so that one slip does not use up all numbers.
pub const NONCE_STEP: u64 = 1 << 32;

const LIMB: u64 = 64;

/// The nonces of one signing key.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Window {
    /// The highest nonce that was accepted.
    highest: u64,
    /// Bit `i` of limb `j`: whether the nonce `64 j + i` below the highest was accepted.
    seen: [u64; 4],
    /// The latest time until which an accepted envelope counts. From then on the window may be forgotten: every envelope that was
    /// accepted under it has expired, so that none can come again.
    until: Time,
}

impl Window {
    /// The window of a key that has signed once.
    pub(crate) const fn new(nonce: u64, until: Time) -> Self {
        Self { highest: nonce, seen: [1, 0, 0, 0], until }
    }

    /// When it may be forgotten.
    pub(crate) const fn until(&self) -> Time {
        self.until
    }

    /// Whether a nonce may be used.
    pub(crate) fn check(&self, nonce: u64) -> Result<(), Refusal> {
        match self.highest.checked_sub(nonce) {
            Some(below) if below >= NONCE_WINDOW => Err(Refusal::NonceTooOld),
            Some(below) if self.is_seen(below) => Err(Refusal::NonceUsed),
            None if nonce.abs_diff(self.highest) > NONCE_STEP => Err(Refusal::NonceTooFar),
            _ => Ok(()),
        }
    }

    /// Uses a nonce that [`Window::check`] has allowed.
    pub(crate) fn accept(&mut self, nonce: u64, until: Time) {
        if nonce > self.highest {
            self.shift(nonce.abs_diff(self.highest));
            self.highest = nonce;
        }
        let (limb, bit) = position(self.highest.abs_diff(nonce));
        if let Some(limb) = self.seen.get_mut(limb) {
            *limb |= bit;
        }
        self.until = self.until.max(until);
    }

    /// Whether the window can have come about: its highest nonce was used, and none below zero.
    pub(crate) fn is_sound(&self) -> bool {
        let below_zero = (self.highest.saturating_add(1)..NONCE_WINDOW).any(|below| self.is_seen(below));
        self.is_seen(0) && !below_zero
    }

    fn is_seen(&self, below: u64) -> bool {
        let (limb, bit) = position(below);
        self.seen.get(limb).is_some_and(|limb| limb & bit != 0)
    }

    /// Moves every nonce further below the highest.
    fn shift(&mut self, by: u64) {
        let old = self.seen;
        let (limbs, bits) = (by.div_euclid(LIMB), u32::try_from(by.rem_euclid(LIMB)).unwrap_or(0));
        for (at, limb) in self.seen.iter_mut().enumerate() {
            let from = |further: u64| {
                let source = u64::try_from(at).ok()?.checked_sub(limbs.checked_add(further)?)?;
                old.get(usize::try_from(source).ok()?).copied()
            };
            let low = from(0).unwrap_or(0).wrapping_shl(bits);
            let carried = from(1).unwrap_or(0).checked_shr(u64::BITS.saturating_sub(bits)).unwrap_or(0);
            *limb = low | carried;
        }
    }
}

/// The limb and the bit in it for a distance below the highest.
fn position(below: u64) -> (usize, u64) {
    let bit = 1_u64.wrapping_shl(u32::try_from(below.rem_euclid(LIMB)).unwrap_or(0));
    (usize::try_from(below.div_euclid(LIMB)).unwrap_or(usize::MAX), bit)
}
