//! `seawall node`: the process that a venue runs, and with `--dev` a whole market to look at.

mod cast;
mod dev;
mod keys;

use crate::failure::Failure;
use crate::output;
use clap::Args;
use node::api::{About, Shared, router};
use node::system::{Network, System};
use node::{Intake, Lanes, NodeError, Pace, Published, Runner, Submission};
use replication::{Alone, OrderError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;

/// Commands that may wait in each lane: a few full blocks.
const WAITING: usize = 100_000;

/// Runs a node with a simulated market: prices of a recorded crash, members that trade, makers, bidders
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  seawall node --dev\n  seawall node --dev --speed 60 --data devnet\n\nThen open http://127.0.0.1:8700/ in a browser; Ctrl-C stops the node.\n\n\
    Exit codes:\n  0   stopped on request\n  2   usage\n  65  the data directory holds something else, or is damaged\n  74  a file or the address could not be used"
)]
pub(crate) struct NodeArgs {
    /// Simulates everybody: publishers, makers, traders and bidders, with keys that anybody can derive
    #[arg(long, required = true)]
    dev: bool,
    /// Where the journal is kept; without it, in a temporary directory that is removed at the end
    #[arg(long)]
    data: Option<PathBuf>,
    /// The address of the API and the dashboard
    #[arg(long, default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// How many seconds of the recorded day pass in one
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=600))]
    speed: u32,
    /// How many traders there are
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    traders: u16,
    /// The seed of what traders do
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &NodeArgs) -> Result<u8, Failure> {
    debug_assert!(args.dev, "required");
    let temporary = tempfile::tempdir().map_err(|error| Failure::io(&error))?;
    let directory = args.data.as_deref().unwrap_or(temporary.path());
    let market = dev::Market::new(args.seed)?;
    let started = Started::at(directory, &market.network(), market.about())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Failure::io(&error))?;
    runtime.block_on(serve(args, &started, market))?;
    started.stop()?;
    Ok(0)
}

/// A node whose thread of blocks runs.
struct Started {
    shared: Arc<Shared>,
    intake: Intake,
    published: Published,
    lanes: Arc<Lanes<Submission>>,
    thread: JoinHandle<Result<(), NodeError>>,
}

impl Started {
    /// The node of a directory, or a new one.
    fn at(directory: &Path, network: &Network, about: About) -> Result<Self, Failure> {
        let alone = match Alone::<System>::open(directory) {
            Err(OrderError::Journal(journal::JournalError::NotFound { .. })) => {
                Alone::create(directory, &network.encoded())
            }
            other => other.map(|(alone, _)| alone),
        };
        let alone = alone.map_err(Failure::data)?;
        if alone.machine().domain() != network.domain() {
            return Err(Failure::data(format!(
                "{}: holds another network\nhint: name another directory",
                directory.display()
            )));
        }
        let (lanes, pace) = (Arc::new(Lanes::new(WAITING)), Pace::default());
        let intake = Intake::new(network.domain(), Arc::clone(&lanes));
        let (runner, published) = Runner::new(alone, Arc::clone(&lanes), pace).map_err(Failure::data)?;
        let shared = Arc::new(Shared::new(intake.clone(), published.clone(), about, pace));
        let stopping = Arc::clone(&lanes);
        let thread = std::thread::Builder::new().name("blocks".to_owned()).spawn(move || {
            let ended = runner.run();
            // Whatever ended it: nobody waits for a block that never comes.
            stopping.close();
            ended
        });
        let thread = thread.map_err(|error| Failure::io(&error))?;
        Ok(Self { shared, intake, published, lanes, thread })
    }

    fn stop(self) -> Result<(), Failure> {
        self.lanes.close();
        match self.thread.join() {
            Ok(ended) => ended.map_err(|error| Failure::io(&error)),
            // An invariant broke: the block is not in the journal, and its message is on standard error.
            Err(_) => Err(Failure::broken("an invariant of the core broke; the block was not written")),
        }
    }
}

/// Serves until somebody asks to stop, or the thread of blocks ends.
async fn serve(args: &NodeArgs, started: &Started, market: dev::Market) -> Result<(), Failure> {
    let listener =
        TcpListener::bind(args.listen).await.map_err(|error| Failure::io(&format!("{}: {error}", args.listen)))?;
    let address = listener.local_addr().map_err(|error| Failure::io(&error))?;
    output::print(&format!("seawall node: http://{address}/  (API: /openapi.json, stop: Ctrl-C)\n"))?;
    let cast = cast::Cast::new(market, args, started.intake.clone(), started.published.clone());
    let playing = tokio::spawn(cast.play());
    let mut heights = started.published.height.clone();
    let until = async move {
        tokio::select! {
            () = asked_to_stop() => (),
            // The sender goes with the thread of blocks.
            () = async { while heights.changed().await.is_ok() {} } => (),
        }
    };
    let served = axum::serve(listener, router(Arc::clone(&started.shared))).with_graceful_shutdown(until).await;
    playing.abort();
    served.map_err(|error| Failure::io(&error))
}

/// Ctrl-C, or what a service manager sends.
async fn asked_to_stop() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => (),
            _ = terminate.recv() => (),
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
