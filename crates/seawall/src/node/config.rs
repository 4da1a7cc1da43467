//! What an operator decides about a node: one commented file, every setting of it checked before anything starts.

use crate::failure::Failure;
use clearing::command::Key;
use clearing::engine::{Genesis, MAX_COMMANDS, MAX_TIME};
use clearing::units::Time;
use node::Pace;
use node::api::{About, Limits};
use node::system::{Network, SYSTEM_VERSION};
use protocol::decimal::{MAX_PLACES, Places};
use protocol::hex::unhex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest file, bytes.
const MAX_FILE: u64 = 1 << 20;

/// Where a simulated market listens.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_700);

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    data: PathBuf,
    listen: SocketAddr,
    network: NetworkTable,
    #[serde(default)]
    blocks: Blocks,
    #[serde(default)]
    api: Api,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    history: HistoryTable,
    #[serde(default)]
    places: BTreeMap<String, u8>,
    #[serde(default)]
    names: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    chain_id: u64,
    genesis_time_ms: i64,
    governance: String,
    custodian: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Blocks {
    interval_ms: u64,
    idle_ms: u64,
    most_commands: usize,
    snapshot_every: u64,
    waiting: usize,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { interval_ms: 100, idle_ms: 1_000, most_commands: 20_000, snapshot_every: 6_000, waiting: 100_000 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Api {
    requests_per_second: u32,
    commands_per_second: u32,
    connections: usize,
    streams: usize,
    cors: Vec<String>,
}

impl Default for Api {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            requests_per_second: limits.requests_per_second,
            commands_per_second: limits.commands_per_second,
            connections: limits.connections,
            streams: limits.streams,
            cors: limits.cors,
        }
    }
}

/// Where what happened is kept for data tools; nowhere, if nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HistoryTable {
    directory: Option<PathBuf>,
}

/// How the node tells what it does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// What is told: a level, or levels by module as `tracing` has them.
    pub(crate) level: String,
    /// For people or for programs.
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A file that has been checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// The journal's directory.
    pub(crate) data: PathBuf,
    /// The address of the API.
    pub(crate) listen: SocketAddr,
    /// What signatures are for.
    pub(crate) network: Network,
    /// When blocks are made.
    pub(crate) pace: Pace,
    /// Most commands that wait, in each lane.
    pub(crate) waiting: usize,
    /// How much anybody may ask.
    pub(crate) limits: Limits,
    /// The log.
    pub(crate) log: Log,
    /// Where Parquet files are written, if anywhere.
    pub(crate) history: Option<PathBuf>,
    /// What the API tells besides the state.
    pub(crate) about: About,
}

impl Config {
    /// What a simulated market runs with: nobody is held up by limits that are for strangers.
    pub(crate) fn of_dev(data: PathBuf, network: Network, about: About, pace: Pace) -> Self {
        const FREE: u32 = 1_000_000;
        let limits = Limits { requests_per_second: FREE, commands_per_second: FREE, ..Limits::default() };
        let waiting = Blocks::default().waiting;
        Self { data, listen: LISTEN, network, pace, waiting, limits, log: Log::default(), history: None, about }
    }

    /// Reads a file and checks every setting of it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let size = std::fs::metadata(path).map_err(Failure::file(path))?.len();
        if size > MAX_FILE {
            return Err(Failure::data(format!("{}: found {size} bytes, allowed {MAX_FILE}", path.display())));
        }
        let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
        let document: Document =
            toml::from_str(&text).map_err(|error| Failure::data(format!("{}: {error}", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        document.checked(folder).map_err(|fault| Failure::data(format!("{}: {fault}", path.display())))
    }
}

impl Document {
    fn checked(self, folder: &Path) -> Result<Config, String> {
        let Blocks { interval_ms, idle_ms, most_commands, snapshot_every, waiting } = self.blocks;
        within("blocks.interval_ms", interval_ms, 1..=60_000)?;
        within("blocks.idle_ms", idle_ms, interval_ms..=60_000)?;
        within("blocks.most_commands", most_commands, 1..=MAX_COMMANDS)?;
        within("blocks.snapshot_every", snapshot_every, 1..=u64::MAX)?;
        within("blocks.waiting", waiting, 1..=10_000_000)?;
        within("api.requests_per_second", self.api.requests_per_second, 1..=1_000_000)?;
        within("api.commands_per_second", self.api.commands_per_second, 1..=1_000_000)?;
        within("api.connections", self.api.connections, 1..=1_000_000)?;
        within("api.streams", self.api.streams, 0..=1_000_000)?;
        within("network.genesis_time_ms", self.network.genesis_time_ms, 0..=MAX_TIME.get())?;
        for (name, places) in &self.places {
            within(&format!("places.{name}"), *places, 0..=MAX_PLACES)?;
        }
        let core = Genesis {
            time: Time::new(self.network.genesis_time_ms),
            governance: key("network.governance", &self.network.governance)?,
            custodian: key("network.custodian", &self.network.custodian)?,
        };
        let names = self.names.iter().map(|(text, name)| Ok((key("names", text)?, name.clone())));
        let names = names.collect::<Result<BTreeMap<Key, String>, String>>()?;
        Ok(Config {
            data: folder.join(self.data),
            listen: self.listen,
            network: Network { version: SYSTEM_VERSION, chain_id: self.network.chain_id, core },
            pace: Pace {
                interval: Duration::from_millis(interval_ms),
                idle: Duration::from_millis(idle_ms),
                most_commands,
                snapshot_blocks: snapshot_every,
                simulated: None,
            },
            waiting,
            limits: Limits {
                requests_per_second: self.api.requests_per_second,
                commands_per_second: self.api.commands_per_second,
                connections: self.api.connections,
                streams: self.api.streams,
                cors: self.api.cors,
                ..Limits::default()
            },
            log: self.log,
            history: self.history.directory.map(|directory| folder.join(directory)),
            about: About { is_dev: false, places: Places::new(self.places), names },
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(field: &str, found: T, allowed: RangeInclusive<T>) -> Result<(), String> {
    if allowed.contains(&found) {
        return Ok(());
    }
    Err(format!("{field}: found {found}, allowed {} to {}", allowed.start(), allowed.end()))
}

/// An ed25519 public key of 32 bytes, or an Ethereum address of 20.
pub(crate) fn key(field: &str, text: &str) -> Result<Key, String> {
    let allowed = "allowed 64 hexadecimal digits (ed25519 public key) or 40 (Ethereum address)";
    let fault = |found: &str| format!("{field}: found {found}, {allowed}");
    let bytes = unhex(text).ok_or_else(|| fault(&format!("{text:?}")))?;
    let signer = match bytes.len() {
        20 => bytes.try_into().ok().map(authority::Signer::Ethereum),
        32 => bytes.try_into().ok().map(authority::Signer::Ed25519),
        _ => None,
    };
    let signer = signer.ok_or_else(|| fault(&format!("{} digits", text.trim_start_matches("0x").len())))?;
    signer.key().map_err(|refusal| format!("{field}: found {text:?}: {refusal}"))
}

/// The file that `seawall init` writes: every setting with what it is for.
pub(crate) fn commented(chain_id: u64, genesis_time_ms: i64, governance: &str, custodian: &str) -> String {
    format!(
        r#"# A Seawall node: `seawall node --config node.toml`.
# A setting that is commented out has the value shown; one that is not known is refused.

# Where the journal and its snapshots are. A relative path begins at this file.
data = "data"

# The address of the API and the dashboard. The node speaks plain HTTP: to the outside only behind a proxy that speaks TLS.
listen = "127.0.0.1:8700"

# What the network is. Its hash is in every signature and in the journal, so none of this can change any more.
[network]
chain_id = {chain_id}                      # EIP-155: the chain that members' wallets are connected to
genesis_time_ms = {genesis_time_ms}   # milliseconds since 1970
# Keys: an ed25519 public key (64 hexadecimal digits) or an Ethereum address (40).
governance = "{governance}"   # lists and changes, within the rulebook's bounds and after its timelocks
custodian = "{custodian}"    # reports deposits, and capital

[blocks]
# interval_ms = 100        # how long a block waits for more commands, unless it is full
# idle_ms = 1000           # how long a node that is asked nothing goes without a block
# most_commands = 20000    # most commands of a block
# snapshot_every = 6000    # blocks between two snapshots: what a restart has to apply again, at most
# waiting = 100000         # most commands that wait for a block, in each of the two lanes

[api]
# requests_per_second = 200     # of one address
# commands_per_second = 5000    # of one signer
# connections = 4000            # at once
# streams = 1000                # WebSockets among them
# cors = []                     # origins of pages that may read the API from a browser, e.g. ["https://app.example"]

[log]
# level = "info"           # error, warn, info, debug, trace; or by module: "info,node=debug"
# format = "text"          # or "json", one object a line

[history]
# directory = "history"    # fills, liquidations, losses, funding, prices and blocks as Parquet files; a relative path begins at this file

# How many decimal places a lot of each asset has, by the name of its feed: 3 for lots of 0.001. Only how amounts are written.
[places]
# BTC = 3

# What keys are called on the dashboard: publishers above all.
[names]
# "0x…" = "venue"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::{Config, Document, commented};
    use std::path::Path;

    fn governance() -> String {
        "0x".to_owned() + &"7a".repeat(32)
    }

    fn read(text: &str) -> Result<Config, String> {
        let document: Document = toml::from_str(text).map_err(|error| error.to_string())?;
        document.checked(Path::new("/folder"))
    }

    #[test]
    fn the_file_that_init_writes_means_what_its_comments_say() {
        let text = commented(7, 1_000, &governance(), &format!("0x{}", "01".repeat(20)));
        let written = read(&text).expect("it is valid");
        assert_eq!((written.network.chain_id, written.network.core.time.get()), (7, 1_000));
        assert_eq!(written.data, Path::new("/folder/data"));
        // With every comment taken seriously, nothing changes.
        let uncommented: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .collect();
        let uncommented = uncommented.join("\n").replace("\"0x…\" = ", &format!("\"{}\" = ", governance()));
        let spelled = read(&uncommented).expect("it is valid");
        assert_eq!(format!("{:?}", spelled.limits), format!("{:?}", written.limits));
        assert_eq!(
            (spelled.pace, spelled.waiting, spelled.log.level),
            (written.pace, written.waiting, written.log.level)
        );
        assert_eq!((spelled.about.places.of("BTC"), spelled.about.names.len()), (3, 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let good = commented(7, 1_000, &governance(), &governance());
        for (from, to, expected) in [
            ("[blocks]", "[blocks]\ninterval_ms = 0", "blocks.interval_ms: found 0, allowed 1 to 60000"),
            ("[blocks]", "[blocks]\nidle_ms = 99", "blocks.idle_ms: found 99, allowed 100 to 60000"),
            ("[blocks]", "[blocks]\nmost_commands = 9999999", "blocks.most_commands: found 9999999"),
            ("[blocks]", "[blocks]\nintervall_ms = 5", "unknown field `intervall_ms`"),
            ("[api]", "[api]\nrequests_per_second = 0", "api.requests_per_second: found 0"),
            ("[log]", "[log]\nformat = \"xml\"", "unknown variant `xml`"),
            ("[places]", "[places]\nBTC = 13", "places.BTC: found 13, allowed 0 to 12"),
            ("[names]", "[names]\nabc = \"x\"", "names: found \"abc\", allowed 64 hexadecimal digits"),
            ("genesis_time_ms = 1000", "genesis_time_ms = -1", "network.genesis_time_ms: found -1"),
            ("127.0.0.1:8700", "nowhere", "invalid socket address"),
        ] {
            assert!(good.contains(from), "{from}");
            let fault = read(&good.replacen(from, to, 1)).map(|_| ()).expect_err(to);
            assert!(fault.contains(expected), "{to}: {fault}");
        }
        for bad in ["00".repeat(32), "7a".repeat(31), "7a".repeat(33), "zz".repeat(32), String::new(), "é".repeat(32)]
        {
            let text = commented(7, 1_000, &bad, &governance());
            let fault = read(&text).map(|_| ()).expect_err(&bad);
            assert!(fault.starts_with("network.governance: "), "{bad}: {fault}");
        }
    }
}
