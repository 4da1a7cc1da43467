//! Decides the time of the next block: monotonic, near the wall clock, and never in a jump.
//!
//! The wall clock is read once at the start and then only followed: while a node runs, its time goes on as fast as the processor's
//! steady clock, and drifts towards the wall clock by at most 1 part in 2,000. Somebody who sets the clock of a
//! machine so moves no funding payment, no expiry and no timelock.
//!
//! A simulation has a clock of its own, which goes on from its last block and passes faster than the machine's: a recorded day in minutes.

use clearing::units::Time;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time drifts towards the wall clock by at most one part in so many.
const DRIFT: i64 = 2_000;

/// How far the wall clock may be behind the last block when a node starts.
pub const MOST_BEHIND: Duration = Duration::from_secs(10);

/// Why a node cannot start at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("clock is {behind_ms} ms behind the last block\nhint: at most {} ms are waited for; correct the clock of this machine", MOST_BEHIND.as_millis())]
pub struct ClockBehind {
    /// By how much.
    pub behind_ms: i64,
}

/// A source of block times.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The time at `read`.
    time: i64,
    read: Instant,
    last: i64,
    /// How fast the time of a simulation passes; none for a clock that follows the wall's.
    simulated: Option<NonZeroU32>,
}

impl Clock {
    /// A clock that goes on after the last block; of a simulation, if a speed is given: seconds in one of this machine.
    ///
    /// # Errors
    /// If the wall clock is further behind the last block than can be waited for. A simulation does not ask it.
    pub(crate) fn start(last: Time, simulated: Option<NonZeroU32>) -> Result<Self, ClockBehind> {
        let (wall, now) = (wall(), Instant::now());
        match simulated {
            None => Self::start_at(wall, now, last),
            Some(_) => Ok(Self { simulated, ..Self::start_at(wall.max(last.get()), now, last)? }),
        }
    }

    fn start_at(wall: i64, now: Instant, last: Time) -> Result<Self, ClockBehind> {
        let behind_ms = last.get() - wall;
        if behind_ms > i64::try_from(MOST_BEHIND.as_millis()).unwrap_or(i64::MAX) {
            return Err(ClockBehind { behind_ms });
        }
        Ok(Self { time: wall.max(last.get()), read: now, last: last.get(), simulated: None })
    }

    /// The time of a block made now: later than every one before.
    pub(crate) fn next(&mut self) -> Time {
        self.next_at(wall(), Instant::now())
    }

    fn next_at(&mut self, wall: i64, now: Instant) -> Time {
        let passed = i64::try_from(now.duration_since(self.read).as_millis()).unwrap_or(i64::MAX);
        if let Some(speed) = self.simulated {
            let time = self.time.saturating_add(passed.saturating_mul(i64::from(speed.get())));
            self.last = time.max(self.last + 1);
            return Time::new(self.last);
        }
        let steady = self.time.saturating_add(passed);
        let most = passed / DRIFT;
        let time = steady + wall.saturating_sub(steady).clamp(-most, most);
        // Below a step of drift the reading stays, so that short intervals add up to one.
        if most > 0 {
            (self.time, self.read) = (time, now);
        }
        self.last = time.max(self.last + 1);
        Time::new(self.last)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a node asks what day it is")]
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Clock, ClockBehind};
    use clearing::units::Time;
    use std::num::NonZeroU32;
    use std::time::{Duration, Instant};

    const START: i64 = 1_700_000_000_000;

    #[test]
    fn it_follows_the_steady_clock_when_the_wall_clock_is_set() {
        let begun = Instant::now();
        let mut clock = Clock::start_at(START, begun, Time::ZERO).expect("a clock");
        let mut at = |ms: u64, wall: i64| clock.next_at(wall, begun + Duration::from_millis(ms)).get() - START;
        assert_eq!(at(100, START + 100), 100);
        assert_eq!(at(200, START + 86_400_000), 200, "a day ahead");
        assert_eq!(at(10_000, START - 86_400_000), 9_995, "a day back: 1 in 2,000 slower");
        assert_eq!(at(20_000, START + 20_000), 20_000, "and back again");
    }

    #[test]
    fn it_never_repeats_a_time() {
        let begun = Instant::now();
        let mut clock = Clock::start_at(START, begun, Time::new(START + 3)).expect("a clock");
        let times: Vec<i64> = (0..3).map(|_| clock.next_at(START, begun).get() - START).collect();
        assert_eq!(times, [4, 5, 6]);
    }

    #[test]
    fn a_simulation_goes_on_from_its_last_block_at_its_speed() {
        let far_ahead = Time::new(i64::MAX / 2);
        let mut clock = Clock::start(far_ahead, NonZeroU32::new(60)).expect("it asks no wall clock");
        let begun = clock.read;
        let mut at = |ms: u64| clock.next_at(0, begun + Duration::from_millis(ms)) - far_ahead;
        assert_eq!([at(100), at(100), at(1_000)], [6_000, 6_001, 60_000].map(Time::new));
    }

    #[test]
    fn a_machine_whose_clock_is_behind_does_not_start() {
        let start = |behind: i64| Clock::start_at(START, Instant::now(), Time::new(START + behind)).map(|_| ());
        assert_eq!(start(10_000), Ok(()));
        assert_eq!(start(10_001), Err(ClockBehind { behind_ms: 10_001 }));
        assert!(start(10_001).expect_err("behind").to_string().starts_with("clock is 10001 ms behind"));
    }
}
