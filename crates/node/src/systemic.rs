//! Looks at published views for systemic risk (R14), seldom and aside: neither blocks nor readers wait for it.

use crate::view::View;
use contagion::{Assessment, PoolSource, Settings, Source, assess};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// No more often than this.
pub(crate) const SELDOM: Duration = Duration::from_secs(5);
/// And not for more than this part of the time: what takes a second is done every ten.
const PART: u32 = 10;

/// What one look found.
#[derive(Debug)]
pub(crate) struct Look {
    /// The figures.
    pub(crate) found: Assessment,
    /// How long it took.
    pub(crate) took: Duration,
    ended: Instant,
}

impl Look {
    fn is_fresh(&self) -> bool {
        self.ended.elapsed() < SELDOM.max(self.took * PART)
    }
}

/// The last look, and the one thread that looks.
#[derive(Debug)]
pub(crate) struct Systemic {
    settings: Settings,
    last: Mutex<Option<Arc<Look>>>,
    /// A thread of its own: the core shares its work between the others.
    thread: Option<Arc<ThreadPool>>,
}

impl Systemic {
    /// Nothing has been looked at yet. `interval` is that of blocks.
    pub(crate) fn new(interval: Duration) -> Self {
        let reaction_s = interval.as_secs_f64().clamp(0.001, 86_400.0);
        let thread = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "systemic".to_owned()).build();
        Self {
            settings: Settings { reaction_s, ..Settings::default() },
            last: Mutex::new(None),
            thread: thread.ok().map(Arc::new),
        }
    }

    /// The last look while it is fresh, otherwise one at this view; none if looking failed. Whoever asks meanwhile waits for the same one.
    pub(crate) async fn at(&self, view: &Arc<View>) -> Option<Arc<Look>> {
        let mut last = self.last.lock().await;
        if let Some(look) = last.as_ref().filter(|look| look.is_fresh() || look.found.height == view.height) {
            return Some(Arc::clone(look));
        }
        let (view, settings, thread) = (Arc::clone(view), self.settings, Arc::clone(self.thread.as_ref()?));
        let look = tokio::task::spawn_blocking(move || thread.install(|| look(&view, &settings)));
        let look = Arc::new(look.await.ok()??);
        *last = Some(Arc::clone(&look));
        Some(look)
    }

    /// The last look, if there was one and nobody is looking now.
    pub(crate) fn last(&self) -> Option<Arc<Look>> {
        self.last.try_lock().ok()?.clone()
    }
}

fn look(view: &View, settings: &Settings) -> Option<Look> {
    let begun = Instant::now();
    let pools = view
        .pools
        .iter()
        .map(|own| PoolSource { pool: &own.pool, accounts: own.accounts.iter().map(|account| &**account).collect() });
    let source = Source {
        height: view.height,
        time: view.time,
        feeds: &view.feeds,
        pools: pools.collect(),
        reserve: view.reserve,
    };
    let found = assess(&source, settings).ok()?;
    Some(Look { found, took: begun.elapsed(), ended: Instant::now() })
}
