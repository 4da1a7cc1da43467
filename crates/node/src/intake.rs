//! Decides what may wait for a block: signed, within bounds, and with room in its lane.

use crate::lanes::{Lane, Lanes, Weighed};
use crate::system::Answer;
use authority::{Domain, Envelope, Refusal, Request, verify_all};
use clearing::command::Command;
use protocol::MAX_ENVELOPES;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// What became of an envelope, and in which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The block; none where it did not come into one.
    pub height: Option<u64>,
    /// What became of it.
    pub answer: Answer,
}

/// Envelopes that came together, and who waits to hear of them.
#[derive(Debug)]
pub struct Submission {
    pub(crate) envelopes: Vec<Envelope>,
    pub(crate) reply: oneshot::Sender<Vec<Answered>>,
}

impl Weighed for Submission {
    fn weight(&self) -> usize {
        self.envelopes.len()
    }
}

/// Why nothing of a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is no room. Nothing was done; the same envelopes may be sent again.
    #[error("too many commands are waiting: nothing was done, send it again later")]
    Busy,
    /// There are too many envelopes.
    #[error("too many envelopes in a request: at most {MAX_ENVELOPES}")]
    TooMany,
    /// The node stops. What became of the envelopes is not known; their nonces tell.
    #[error("the node is stopping: ask again what became of it once it is back")]
    Stopping,
}

/// The door for envelopes.
#[derive(Clone, Debug)]
pub struct Intake {
    domain: Domain,
    lanes: Arc<Lanes<Submission>>,
    counts: Arc<Counts>,
}

/// Envelopes whose signatures have been checked.
#[derive(Debug)]
pub struct Verified {
    signed: Vec<Envelope>,
    /// One for each that came, in their order; none for those that are signed.
    refusals: Vec<Option<Refusal>>,
}

impl Verified {
    /// Those that are signed.
    #[must_use]
    pub fn signed(&self) -> &[Envelope] {
        &self.signed
    }
}

/// How many envelopes went which way, since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Into a lane.
    pub accepted: AtomicU64,
    /// Refused for their signature or shape.
    pub refused: AtomicU64,
    /// Turned away for want of room.
    pub busy: AtomicU64,
}

impl Intake {
    /// A door to these lanes, for signatures of this domain.
    #[must_use]
    pub fn new(domain: Domain, lanes: Arc<Lanes<Submission>>) -> Self {
        Self { domain, lanes, counts: Arc::default() }
    }

    /// Where signatures count.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// How many envelopes went which way.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The lanes, to look at.
    #[must_use]
    pub fn lanes(&self) -> &Lanes<Submission> {
        &self.lanes
    }

    /// Takes envelopes in and waits until what became of each is durable. Envelopes that are not signed are answered and the others
    /// go on.
    ///
    /// # Errors
    /// [`NotTaken`] if nothing was taken.
    pub async fn submit(&self, envelopes: Vec<Envelope>) -> Result<Vec<Answered>, NotTaken> {
        let verified = self.verify(envelopes).await?;
        self.queue(verified).await
    }

    /// Checks signatures: the first half of [`Self::submit`].
    ///
    /// # Errors
    /// [`NotTaken`] if there are too many, or the node stops.
    pub async fn verify(&self, envelopes: Vec<Envelope>) -> Result<Verified, NotTaken> {
        if envelopes.len() > MAX_ENVELOPES {
            return Err(NotTaken::TooMany);
        }
        let domain = self.domain;
        // Signatures are arithmetic for milliseconds: not on the threads that serve connections.
        let verified = tokio::task::spawn_blocking(move || {
            let verdicts = verify_all(&domain, &envelopes);
            (envelopes, verdicts)
        });
        let (envelopes, verdicts) = verified.await.map_err(|_| NotTaken::Stopping)?;
        let refusals: Vec<Option<Refusal>> = verdicts.into_iter().map(Result::err).collect();
        let signed = envelopes.into_iter().zip(&refusals).filter(|(_, refusal)| refusal.is_none());
        let signed: Vec<Envelope> = signed.map(|(envelope, _)| envelope).collect();
        let bad = (refusals.len() - signed.len()) as u64;
        self.counts.refused.fetch_add(bad, Ordering::Relaxed);
        Ok(Verified { signed, refusals })
    }

    /// Lets what is signed wait for a block, and waits for what becomes of it: the second half of [`Self::submit`].
    ///
    /// # Errors
    /// [`NotTaken`] if nothing was taken.
    pub async fn queue(&self, verified: Verified) -> Result<Vec<Answered>, NotTaken> {
        let Verified { signed, refusals } = verified;
        let answers = if signed.is_empty() { Vec::new() } else { self.wait(signed).await? };
        let mut answers = answers.into_iter();
        let answer_of = |refusal: Option<Refusal>| match refusal {
            Some(refusal) => Some(Answered { height: None, answer: Answer::Refused(refusal) }),
            None => answers.next(),
        };
        refusals.into_iter().map(answer_of).collect::<Option<_>>().ok_or(NotTaken::Stopping)
    }

    async fn wait(&self, envelopes: Vec<Envelope>) -> Result<Vec<Answered>, NotTaken> {
        let (reply, answered) = oneshot::channel();
        let (count, lane) = (envelopes.len() as u64, lane_of(&envelopes));
        if self.lanes.push(Submission { envelopes, reply }, lane).is_err() {
            self.counts.busy.fetch_add(count, Ordering::Relaxed);
            return Err(NotTaken::Busy);
        }
        self.counts.accepted.fetch_add(count, Ordering::Relaxed);
        answered.await.map_err(|_| NotTaken::Stopping)
    }
}

/// The urgent lane is for requests of which every part makes the system safer. R13.2
fn lane_of(envelopes: &[Envelope]) -> Lane {
    let urgent = envelopes.iter().all(|envelope| match &envelope.request {
        Request::Act(command) => is_urgent(command),
        Request::RevokeSession { .. } => true,
        Request::GrantSession { .. } => false,
    });
    if urgent { Lane::Urgent } else { Lane::Ordinary }
}

fn is_urgent(command: &Command) -> bool {
    match command {
        Command::PlaceOrder { order, .. } | Command::RevealOrder { order, .. } => order.reduce_only,
        Command::Observe { .. }
        | Command::Forecast { .. }
        | Command::Deposit { .. }
        | Command::DepositCollateral { .. }
        | Command::FundReserve { .. }
        | Command::Capitalise { .. }
        | Command::CancelOrder { .. }
        | Command::CancelAll { .. } => true,
        _ => false,
    }
}
