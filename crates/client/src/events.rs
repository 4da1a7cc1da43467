//! Every event once, in order, also over a connection that breaks.

use crate::error::ClientError;
use crate::http::Client;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// The longest message, bytes.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// A node sends a block at least so often.
const SILENCE: Duration = Duration::from_secs(20);
/// Attempts to connect again before giving up, and the longest wait between two.
const ATTEMPTS: u32 = 10;
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// Its number, counted from the genesis.
    pub sequence: u64,
    /// The height of its block.
    pub height: u64,
    /// The time of its block, ms.
    pub time: i64,
    /// Its kind, as the rulebook names it.
    pub kind: String,
    /// What else is told, by kind.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Message {
    /// Something happened.
    Event {
        /// What.
        event: Event,
    },
    /// Where the system stands, a few times a second.
    Block(Value),
    /// The node does not remember events this far back: the next one has the number `first`.
    Gap {
        /// The oldest that is remembered.
        first: u64,
    },
}

/// A stream of events that is resumed where it broke.
#[derive(Debug)]
pub struct Events {
    client: Client,
    kinds: Option<String>,
    /// The last event that was given out.
    after: Option<u64>,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
}

impl Client {
    /// Events after a sequence number (without it, those to come), of these kinds or of all.
    #[must_use]
    pub fn events(&self, after: Option<u64>, kinds: &[&str]) -> Events {
        let kinds = (!kinds.is_empty()).then(|| kinds.join(","));
        Events { client: self.clone(), kinds, after, socket: None }
    }
}

impl Events {
    /// The next message. Connects, and connects again, as often as needed.
    ///
    /// # Errors
    /// If the node cannot be reached for about half a minute, or says what this version does not understand. Asking again goes on where
    /// it stopped.
    pub async fn next(&mut self) -> Result<Message, ClientError> {
        let mut wait = Duration::from_millis(100);
        let mut attempt = 1;
        loop {
            let failure = match self.receive().await {
                Err(ClientError::NotReachable(failure)) => failure,
                Ok(message) => {
                    self.remember(&message);
                    return Ok(message);
                }
                Err(other) => return Err(other),
            };
            self.socket = None;
            if attempt == ATTEMPTS {
                return Err(ClientError::NotReachable(failure));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            attempt += 1;
        }
    }

    fn remember(&mut self, message: &Message) {
        match message {
            Message::Event { event } => self.after = Some(event.sequence),
            Message::Gap { first } => self.after = first.checked_sub(1),
            // Events of kinds that nobody asked for are passed over, but so far the stream has come.
            Message::Block(block) => {
                let next = block.get("events").and_then(Value::as_u64);
                let passed = next.and_then(|next| next.checked_sub(1));
                if self.after.is_none() || self.kinds.is_some() && passed > self.after {
                    self.after = passed.or(self.after);
                }
            }
        }
    }

    async fn receive(&mut self) -> Result<Message, ClientError> {
        if self.socket.is_none() {
            self.socket = Some(self.connect().await?);
        }
        let Some(socket) = self.socket.as_mut() else { return Err(lost("no connection")) };
        loop {
            let frame =
                tokio::time::timeout(SILENCE, socket.next()).await.map_err(|_| lost("the node says nothing"))?;
            match frame.ok_or_else(|| lost("the node hung up"))?.map_err(|error| lost(&error.to_string()))? {
                Frame::Text(text) => {
                    return serde_json::from_str(&text).map_err(|error| ClientError::NotUnderstood(error.to_string()));
                }
                Frame::Ping(bytes) => {
                    socket.send(Frame::Pong(bytes)).await.map_err(|error| lost(&error.to_string()))?
                }
                Frame::Close(_) => return Err(lost("the node hung up")),
                _ => (),
            }
        }
    }

    async fn connect(&self) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, ClientError> {
        let mut url = self.client.address().clone();
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        let not_valid = || ClientError::Address { found: self.client.address().to_string() };
        url.set_scheme(scheme).map_err(|()| not_valid())?;
        url.set_path("/v1/stream");
        if let Some(after) = self.after {
            url.query_pairs_mut().append_pair("after", &after.to_string());
        }
        if let Some(kinds) = &self.kinds {
            url.query_pairs_mut().append_pair("kinds", kinds);
        }
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connecting = connect_async_with_config(url.as_str(), Some(config), true);
        let connected = tokio::time::timeout(SILENCE, connecting).await.map_err(|_| lost("no connection in time"))?;
        match connected {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) if response.status().is_client_error() => {
                let status = response.status().as_u16();
                Err(ClientError::Refused { status, code: "NotValid".into(), message: "no stream".into() })
            }
            Err(error) => Err(lost(&error.to_string())),
        }
    }
}

fn lost(why: &str) -> ClientError {
    ClientError::NotReachable(why.to_owned())
}
