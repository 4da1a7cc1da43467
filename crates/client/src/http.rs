//! Requests and their answers.

use crate::error::ClientError;
use authority::{Domain, Envelope, Refusal};
use clearing::units::Time;
use protocol::answers::{
    AccountAnswer, Accounts, AnswerView, Blocks, CommandsAnswer, CommandsRequest, Feeds, Fills, Funding, Markets,
    PoolAnswer, Pools, ProofView, WhatIfAnswer, WhatIfRequest,
};
use protocol::body;
use protocol::hex::unhex;
use protocol::prepare::{PrepareAnswer, PrepareRequest, SignedEnvelope};
use protocol::shapes::{BookView, Failure, Status};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The longest answer that is read, bytes: a page of a thousand of anything is far shorter.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long a connection may take, and an answer. A command waits for its block.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(40);
/// How often envelopes are sent until the node has answered.
const ATTEMPTS: u32 = 8;
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A node at an address. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    /// A client of the node at `http://HOST:PORT`.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        let not_valid = || ClientError::Address { found: address.chars().take(200).collect() };
        let base = Url::parse(address).map_err(|_| not_valid())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(not_valid());
        }
        // Nothing is followed elsewhere: what is signed goes to this node.
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().connect_timeout(CONNECT).timeout(ANSWER).redirect(redirects);
        let http =
            http.tcp_nodelay(true).no_proxy().build().map_err(|error| ClientError::NotReachable(chain(&error)))?;
        Ok(Self { http, base })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &Url {
        &self.base
    }

    /// Where the node stands.
    ///
    /// # Errors
    /// [`ClientError`], as every request.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// What signatures for this node are for.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn domain(&self) -> Result<Domain, ClientError> {
        let status = self.status().await?;
        let network = unhex(&status.network).and_then(|bytes| bytes.try_into().ok());
        let network = network.ok_or_else(|| ClientError::NotUnderstood("network is no hash".to_owned()))?;
        Ok(Domain { network, chain_id: status.chain_id })
    }

    /// The time of the last block: what envelopes are signed at.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn now(&self) -> Result<Time, ClientError> {
        Ok(Time::new(self.status().await?.time))
    }

    /// Every pool.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pools(&self) -> Result<Pools, ClientError> {
        self.get("/v1/pools").await
    }

    /// One pool.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pool(&self, pool: u16) -> Result<PoolAnswer, ClientError> {
        self.get(&format!("/v1/pools/{pool}")).await
    }

    /// The markets of a pool.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn markets(&self, pool: u16) -> Result<Markets, ClientError> {
        self.get(&format!("/v1/pools/{pool}/markets")).await
    }

    /// The resting orders of an instrument.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn book(&self, pool: u16, instrument: u16) -> Result<BookView, ClientError> {
        self.get(&format!("/v1/pools/{pool}/markets/{instrument}/book")).await
    }

    /// A page of accounts after an id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accounts(&self, pool: u16, after: Option<u32>, limit: usize) -> Result<Accounts, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("/v1/pools/{pool}/accounts?limit={limit}{after}")).await
    }

    /// The accounts of an owner (an address, or a key in hexadecimal) after an id, at most 1,000.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accounts_of(&self, pool: u16, owner: &str, after: Option<u32>) -> Result<Accounts, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("/v1/pools/{pool}/accounts?limit=1000&owner={owner}{after}")).await
    }

    /// An account with positions, orders and stressed equity.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn account(&self, pool: u16, account: u32) -> Result<AccountAnswer, ClientError> {
        self.get(&format!("/v1/pools/{pool}/accounts/{account}")).await
    }

    /// The newest fills of an account, below a sequence number.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fills(&self, pool: u16, account: u32, before: Option<u64>) -> Result<Fills, ClientError> {
        let before = before.map_or_else(String::new, |before| format!("?before={before}"));
        self.get(&format!("/v1/pools/{pool}/accounts/{account}/fills{before}")).await
    }

    /// The newest payments of funding in a pool.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn funding(&self, pool: u16) -> Result<Funding, ClientError> {
        self.get(&format!("/v1/pools/{pool}/funding")).await
    }

    /// An account with what shows that it is in the state root.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proof(&self, pool: u16, account: u32) -> Result<ProofView, ClientError> {
        self.get(&format!("/v1/pools/{pool}/accounts/{account}/proof")).await
    }

    /// Every feed with its publishers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn feeds(&self) -> Result<Feeds, ClientError> {
        self.get("/v1/feeds").await
    }

    /// The newest blocks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn blocks(&self, limit: usize) -> Result<Blocks, ClientError> {
        self.get(&format!("/v1/blocks?limit={limit}")).await
    }

    /// What an order would do.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn what_if(&self, pool: u16, account: u32, order: &WhatIfRequest) -> Result<WhatIfAnswer, ClientError> {
        self.post_json(&format!("/v1/pools/{pool}/accounts/{account}/what-if"), order).await
    }

    /// What a wallet has to show and sign for a request, and the envelope that its signature belongs to.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn prepare(&self, asked: &PrepareRequest) -> Result<PrepareAnswer, ClientError> {
        self.post_json("/v1/prepare", asked).await
    }

    /// Sends prepared envelopes with the signatures of wallets, as [`Client::submit`] does.
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn submit_signed(&self, signed: Vec<SignedEnvelope>) -> Result<Vec<AnswerView>, ClientError> {
        let count = signed.len();
        let body = CommandsRequest { envelopes: Vec::new(), signed };
        one_for_each(count, self.post_json("/v1/commands", &body).await?)
    }

    /// Sends envelopes once and waits until what became of each is durable: one answer for each, in their order.
    ///
    /// # Errors
    /// [`ClientError::Busy`] and [`ClientError::Refused`] if nothing was done; with any other error what became of the envelopes is not
    /// known.
    pub async fn submit(&self, envelopes: &[Envelope]) -> Result<Vec<AnswerView>, ClientError> {
        let body = body::write(envelopes);
        one_for_each(envelopes.len(), self.post("/v1/commands", "application/octet-stream", body).await?)
    }

    /// Sends the same envelopes again while the node is busy or out of reach, a few times. Nothing happens twice. An envelope that counted
    /// in an attempt whose answer was lost is answered as refused with the name [`is_known`]: it is in a block, and events tell what
    /// became of it.
    ///
    /// # Errors
    /// The last error, if the node never answered.
    pub async fn submit_until_answered(&self, envelopes: &[Envelope]) -> Result<Vec<AnswerView>, ClientError> {
        let mut wait = Duration::from_millis(100);
        let mut attempt = 1;
        loop {
            let error = match self.submit(envelopes).await {
                Err(error @ (ClientError::Busy { .. } | ClientError::NotReachable(_))) if attempt < ATTEMPTS => error,
                other => return other,
            };
            let asked = if let ClientError::Busy { retry_after, .. } = error { retry_after } else { wait };
            tokio::time::sleep(asked.max(wait).min(LONGEST_WAIT)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            attempt += 1;
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, "", Vec::new()).await
    }

    async fn post_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
        self.post(path, "application/json", body).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, kind: &str, body: Vec<u8>) -> Result<T, ClientError> {
        self.ask(Method::POST, path, kind, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<T, ClientError> {
        let url = self.base.join(path).map_err(|_| ClientError::Address { found: path.to_owned() })?;
        let mut request = self.http.request(method, url);
        if !kind.is_empty() {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.map_err(|error| ClientError::NotReachable(chain(&error)))?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let bytes = bounded(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| ClientError::NotUnderstood(error.to_string()));
        }
        let said: Failure = serde_json::from_slice(&bytes)
            .map_err(|_| ClientError::NotUnderstood(format!("status {status} without a reason")))?;
        let (code, message) = (said.error.code, said.error.message);
        Err(match (code.as_str(), retry_after) {
            ("Busy" | "TooFast", Some(retry_after)) => ClientError::Busy { message, retry_after },
            // The node goes down in the middle of it: what became of the request is not known.
            ("Stopping", _) => ClientError::NotReachable(message),
            _ => ClientError::Refused { status: status.as_u16(), code, message },
        })
    }
}

/// The answers, if there is one for each envelope.
fn one_for_each(expected: usize, answer: CommandsAnswer) -> Result<Vec<AnswerView>, ClientError> {
    let found = answer.answers.len();
    if found != expected {
        return Err(ClientError::NotUnderstood(format!("found {found} answers, expected {expected}")));
    }
    Ok(answer.answers)
}

/// When the node wants to be asked again.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A body of bounded length.
async fn bounded(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| ClientError::NotReachable(chain(&error)))? {
        if bytes.len() + part.len() > MAX_ANSWER {
            return Err(ClientError::TooLong { allowed: MAX_ANSWER });
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

/// Whether an answer says that the node has had the envelope before.
#[must_use]
pub fn is_known(answer: &AnswerView) -> bool {
    answer.name.as_deref() == Some(Refusal::NonceUsed.name())
}
