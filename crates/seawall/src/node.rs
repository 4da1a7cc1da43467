//! `seawall node`: the process that a venue runs, and with `--dev` a whole market to look at.

mod cast;
pub(crate) mod config;
mod day;
mod dev;
pub(crate) mod keys;
mod log;

use crate::failure::Failure;
use crate::output;
use cast::Cast;
use clap::{ArgGroup, Args};
use config::{Config, Log, LogFormat};
use history::{CaughtUp, History, Settings};
use node::api::{Limits, Shared, router};
use node::system::System;
use node::{Intake, Lanes, NodeError, Published, Runner, Submission};
use replication::{Alone, OrderError, Recovered};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

/// Runs a node: a real one from its configuration, or a simulated market to look at
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").required(true).args(["dev", "config"])),
    after_help = "Example:\n  seawall node --dev\n  seawall node --dev --speed 60 --data devnet\n  seawall init venue && seawall node --config venue/node.toml\n\n\
    Then open http://127.0.0.1:8700/ in a browser; Ctrl-C stops the node.\n\n\
    Exit codes:\n  0   stopped on request\n  2   usage\n  65  the configuration is malformed, or the data directory holds something else, or is damaged\n  70  an invariant of the core broke\n  \
    74  a file or the address could not be used"
)]
pub(crate) struct NodeArgs {
    /// Simulates everybody: publishers, makers, traders and bidders, with keys that anybody can derive
    #[arg(long)]
    dev: bool,
    /// The configuration of a real node, as `seawall init` writes it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the journal is kept; without it, in a temporary directory that is removed at the end
    #[arg(long, requires = "dev", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address of the API and the dashboard, instead of 127.0.0.1:8700 or that of the configuration
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How many seconds of the recorded day pass in one
    #[arg(long, requires = "dev", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=120))]
    speed: u32,
    /// When the recorded day begins, UTC between 20:00 and 23:00; without it, shortly before the fall of 21:13
    #[arg(long, requires = "dev", value_name = "HH:MM:SS", value_parser = dev::time_of_day)]
    from: Option<usize>,
    /// How many traders there are
    #[arg(long, requires = "dev", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    traders: u16,
    /// Lists nothing and simulates nobody: for `seawall drill run NAME --node URL`
    #[arg(long, requires = "dev")]
    bare: bool,
    /// The seed of what traders do
    #[arg(long, requires = "dev", default_value_t = 1)]
    seed: u64,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &NodeArgs) -> Result<u8, Failure> {
    match &args.config {
        Some(file) => run_configured(args, file),
        None => run_dev(args),
    }
}

fn run_configured(args: &NodeArgs, file: &Path) -> Result<u8, Failure> {
    let config = Config::read(file)?;
    log::start(&config.log)?;
    let alone = match Alone::<System>::open(&config.data) {
        Err(OrderError::Journal(journal::JournalError::NotFound { .. })) => {
            // Not made anew: a disk that was not mounted would begin another history.
            let hint = "hint: seawall init makes one; is the disk mounted?";
            return Err(Failure::data(format!("{}: no journal\n{hint}", config.data.display())));
        }
        other => other.map_err(refused)?,
    };
    let (alone, recovered) = alone;
    tell_recovery(&recovered);
    let listen = args.listen.unwrap_or(config.listen);
    let started = Started::new(alone, &config)?;
    serve_until_stopped(listen, started, &config.limits, None)
}

fn run_dev(args: &NodeArgs) -> Result<u8, Failure> {
    log::start(&Log { level: "warn".to_owned(), format: LogFormat::Text })?;
    let temporary = tempfile::tempdir().map_err(|error| Failure::io(&error))?;
    let data = args.data.as_deref().unwrap_or(temporary.path()).to_owned();
    let market = dev::Market::new(args.seed, args.speed as usize, args.from)?;
    let network = market.network();
    let alone = match Alone::<System>::open(&data) {
        Err(OrderError::Journal(journal::JournalError::NotFound { .. })) => Alone::create(&data, &network.encoded()),
        other => other.map(|(alone, _)| alone),
    };
    let config = Config::of_dev(data, network, market.about(), cast::pace(args.speed));
    let listen = args.listen.unwrap_or(config.listen);
    let started = Started::new(alone.map_err(refused)?, &config)?;
    let cast = (!args.bare).then(|| cast::Cast::new(market, args, started.intake.clone(), started.published.clone()));
    serve_until_stopped(listen, started, &config.limits, cast)
}

fn serve_until_stopped(
    listen: SocketAddr,
    started: Started,
    limits: &Limits,
    cast: Option<Cast>,
) -> Result<u8, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Failure::io(&error))?;
    let served = runtime.block_on(serve(listen, &started, limits, cast));
    // However serving ended, what was taken in is written.
    started.stop()?;
    served?;
    Ok(0)
}

/// A journal that cannot be opened fails as with `seawall journal`.
fn refused(error: OrderError) -> Failure {
    match error {
        OrderError::Journal(error) => crate::journal::failure(error),
        other => Failure::data(other),
    }
}

fn tell_recovery(recovered: &Recovered) {
    info!(snapshot = recovered.snapshot, replayed = recovered.replayed, "the node has come back");
    if !recovered.cut.is_empty() {
        warn!(heights = ?recovered.cut, "damaged blocks at the end of the journal were cut off");
    }
    for damaged in &recovered.damaged {
        warn!(file = %damaged.path.display(), what = %damaged.what, "a snapshot is not whole");
    }
    for refused in &recovered.refused {
        warn!(%refused, "a snapshot was refused");
    }
}

/// A node whose thread of blocks runs.
struct Started {
    shared: Arc<Shared>,
    intake: Intake,
    published: Published,
    lanes: Arc<Lanes<Submission>>,
    thread: JoinHandle<Result<(), NodeError>>,
    history: Option<History>,
}

impl Started {
    fn new(alone: Alone<System>, config: &Config) -> Result<Self, Failure> {
        let (found, expected) = (alone.machine().domain(), config.network.domain());
        if found != expected {
            let (found, expected) = (output::hex(&found.network), output::hex(&expected.network));
            return Err(Failure::data(format!(
                "{}: holds another network: found {found}, allowed {expected}\nhint: name another directory",
                config.data.display()
            )));
        }
        info!(network = %output::hex(&expected.network), height = alone.machine().engine().height(), "a node starts");
        let caught_up = caught_up(&alone, config);
        let lanes = Arc::new(Lanes::new(config.waiting));
        let intake = Intake::new(expected, Arc::clone(&lanes));
        let (runner, published) = Runner::new(alone, Arc::clone(&lanes), config.pace).map_err(Failure::data)?;
        let history = caught_up.and_then(|caught_up| caught_up.follow(published.clone()).map_err(no_history).ok());
        let about = config.about.clone();
        let shared = Arc::new(Shared::new(intake.clone(), published.clone(), about, config.pace, &config.limits));
        let stopping = Arc::clone(&lanes);
        let thread = std::thread::Builder::new().name("blocks".to_owned()).spawn(move || {
            let ended = runner.run();
            // Whatever ended it: nobody waits for a block that never comes.
            stopping.close();
            ended
        });
        let thread = thread.map_err(|error| Failure::io(&error))?;
        Ok(Self { shared, intake, published, lanes, thread, history })
    }

    fn stop(self) -> Result<(), Failure> {
        self.lanes.close();
        let ended = self.thread.join();
        self.history.into_iter().for_each(History::finish);
        match ended {
            Ok(ended) => ended.map_err(|error| Failure::io(&error)),
            // An invariant broke: the block is not in the journal, and its message is on standard error.
            Err(_) => Err(Failure::broken("an invariant of the core broke; the block was not written")),
        }
    }
}

/// History as far as the journal goes, if the operator wants any. What cannot be written is said, and made by a later start.
fn caught_up(alone: &Alone<System>, config: &Config) -> Option<CaughtUp> {
    let settings = Settings::of(config.history.clone()?, config.about.places.clone());
    CaughtUp::with(&settings, alone.journal(), alone.machine()).map_err(no_history).ok()
}

fn no_history(failure: history::HistoryError) {
    error!(%failure, "history is not written; the node goes on, and a later start makes the rest");
}

/// Serves until somebody asks to stop, or the thread of blocks ends.
async fn serve(listen: SocketAddr, started: &Started, limits: &Limits, cast: Option<Cast>) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| Failure::io(&format!("{listen}: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::io(&error))?;
    // Before anybody is told that the node is there.
    let asked_to_stop = asked_to_stop().map_err(|error| Failure::io(&error))?;
    output::print(&format!("seawall node: http://{address}/  (API: /openapi.json, stop: Ctrl-C)\n"))?;
    let playing = cast.map(|cast| tokio::spawn(cast.play()));
    let following = tokio::spawn(node::follow(Arc::clone(&started.shared)));
    let mut heights = started.published.height.clone();
    let until = async move {
        tokio::select! {
            () = asked_to_stop => (),
            // The sender goes with the thread of blocks.
            () = async { while heights.changed().await.is_ok() {} } => (),
        }
    };
    node::serve(listener, router(Arc::clone(&started.shared), limits), limits, until).await;
    playing.into_iter().chain([following]).for_each(|task| task.abort());
    Ok(())
}

/// Ctrl-C, or what a service manager sends. Signals are heard from this call on, not from when they are waited for.
#[cfg(unix)]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}

/// Ctrl-C.
#[cfg(not(unix))]
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
