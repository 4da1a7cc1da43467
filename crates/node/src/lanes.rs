//! Decides which waiting request comes into the next block: two bounded lanes, the urgent one first.
//!
//! Prices, top-ups, cancellations and orders that only reduce a position have a lane of their own (R13.2): when everybody wants to
//! trade at once, whoever wants to be safe is not kept waiting behind them. A request is taken whole or not at all.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What makes the system safer.
    Urgent,
    /// Everything else.
    Ordinary,
}

/// Something that waits, and how much of a block it takes.
pub trait Weighed {
    /// The number of commands.
    fn weight(&self) -> usize;
}

/// Requests that wait for a block.
#[derive(Debug)]
pub struct Lanes<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
    /// The most commands that wait, in each lane.
    capacity: usize,
}

#[derive(Debug)]
struct Waiting<T> {
    urgent: Queue<T>,
    ordinary: Queue<T>,
    closed: bool,
}

#[derive(Debug)]
struct Queue<T> {
    requests: VecDeque<T>,
    weight: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { requests: VecDeque::new(), weight: 0 }
    }
}

impl<T: Weighed> Queue<T> {
    fn push(&mut self, request: T) {
        self.weight += request.weight();
        self.requests.push_back(request);
    }

    /// The first request, if it is no heavier than that.
    fn pop(&mut self, most: usize) -> Option<T> {
        if self.requests.front()?.weight() > most {
            return None;
        }
        let request = self.requests.pop_front()?;
        self.weight -= request.weight();
        Some(request)
    }
}

impl<T: Weighed> Lanes<T> {
    /// Lanes that hold so many commands each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let waiting = Waiting { urgent: Queue::default(), ordinary: Queue::default(), closed: false };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new(), capacity }
    }

    /// The most commands that wait, in each lane.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many commands wait, the urgent ones first.
    #[must_use]
    pub fn lengths(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.urgent.weight, waiting.ordinary.weight)
    }

    /// Lets a request wait, or gives it back where there is no room or nobody who would take it.
    ///
    /// # Errors
    /// The request, if the lane is full or closed.
    pub fn push(&self, request: T, lane: Lane) -> Result<(), T> {
        let mut waiting = self.lock();
        let closed = waiting.closed;
        let queue = match lane {
            Lane::Urgent => &mut waiting.urgent,
            Lane::Ordinary => &mut waiting.ordinary,
        };
        if closed || queue.weight + request.weight() > self.capacity {
            return Err(request);
        }
        queue.push(request);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until that time, or until there is enough for a full block, and takes what fits into one, urgent requests first. None
    /// once the lanes are closed and empty.
    pub fn take(&self, until: Instant, most: usize) -> Option<Vec<T>> {
        let mut waiting = self.lock();
        while !waiting.closed && waiting.urgent.weight + waiting.ordinary.weight < most {
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            let woken = self.arrived.wait_timeout(waiting, left);
            waiting = woken.map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
        if waiting.closed && waiting.urgent.requests.is_empty() && waiting.ordinary.requests.is_empty() {
            return None;
        }
        let mut taken = Vec::new();
        let mut left = most;
        while let Some(request) = waiting.urgent.pop(left).or_else(|| waiting.ordinary.pop(left)) {
            left -= request.weight();
            taken.push(request);
        }
        Some(taken)
    }

    /// Lets nothing more in. What waits is still taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Whether nothing more is let in.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        // A panic inside these few lines leaves the queues as they were.
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, Lanes, Weighed};
    use std::time::{Duration, Instant};

    #[derive(Debug, PartialEq, Eq)]
    struct Request(usize, char);

    impl Weighed for Request {
        fn weight(&self) -> usize {
            self.0
        }
    }

    fn names(taken: Option<Vec<Request>>) -> Option<String> {
        taken.map(|requests| requests.into_iter().map(|request| request.1).collect())
    }

    #[test]
    fn the_urgent_lane_goes_first_and_each_lane_has_its_own_room() {
        let lanes = Lanes::new(3);
        for name in ['a', 'b', 'c'] {
            assert_eq!(lanes.push(Request(1, name), Lane::Ordinary), Ok(()));
        }
        assert_eq!(lanes.push(Request(1, 'd'), Lane::Ordinary), Err(Request(1, 'd')), "full");
        assert_eq!(lanes.push(Request(3, 'x'), Lane::Urgent), Ok(()), "the other lane is not");
        assert_eq!(lanes.lengths(), (3, 3));
        assert_eq!(names(lanes.take(Instant::now(), 5)).as_deref(), Some("xab"));
        assert_eq!(names(lanes.take(Instant::now(), 5)).as_deref(), Some("c"));
        assert_eq!(names(lanes.take(Instant::now(), 5)).as_deref(), Some(""), "nothing waits: an empty block");
    }

    #[test]
    fn a_request_that_does_not_fit_waits_for_the_next_block() {
        let lanes = Lanes::new(10);
        for (weight, name) in [(4, 'a'), (4, 'b'), (1, 'c')] {
            lanes.push(Request(weight, name), Lane::Ordinary).expect("room");
        }
        assert_eq!(names(lanes.take(Instant::now(), 5)).as_deref(), Some("a"), "c does not overtake b");
        assert_eq!(names(lanes.take(Instant::now(), 5)).as_deref(), Some("bc"));
    }

    #[test]
    fn a_full_block_does_not_wait_for_its_time_and_an_empty_one_does() {
        let lanes = Lanes::new(10);
        lanes.push(Request(5, 'a'), Lane::Ordinary).expect("room");
        let begun = Instant::now();
        assert_eq!(names(lanes.take(begun + Duration::from_secs(60), 5)).as_deref(), Some("a"));
        assert!(begun.elapsed() < Duration::from_secs(30), "it was full");
        let until = Instant::now() + Duration::from_millis(20);
        assert_eq!(names(lanes.take(until, 5)).as_deref(), Some(""));
        assert!(Instant::now() >= until);
    }

    #[test]
    fn closed_lanes_are_emptied_and_then_over() {
        let lanes = Lanes::new(10);
        lanes.push(Request(1, 'a'), Lane::Ordinary).expect("room");
        lanes.close();
        assert_eq!(lanes.push(Request(1, 'b'), Lane::Urgent), Err(Request(1, 'b')));
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(names(lanes.take(late, 5)).as_deref(), Some("a"));
        assert_eq!(names(lanes.take(late, 5)), None);
    }
}
