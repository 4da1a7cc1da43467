//! What is in the files is what happened, every event once, whatever becomes of the writer and its disk.

mod market;
mod reading;

use clearing::event::Event;
use clearing::units::Time;
use history::{CaughtUp, Export, History, HistoryError, Progress, Rotation, Settings, Table, export};
use market::{Node, batches, places};
use node::system::{Applied, Batch};
use reading::{about, everything, field, files, number, rows, text, whole};
use replication::Machine;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::tempdir;

const SEED: u64 = 3;

fn rotation() -> Rotation {
    Rotation { blocks: 7, events: 40, length: Time::new(20_000) }
}

fn settings(directory: &Path) -> Settings {
    Settings { rotation: rotation(), retry: Duration::ZERO, ..Settings::of(directory.to_owned(), places()) }
}

fn begin(node: &Node, directory: &Path) -> Result<History, HistoryError> {
    let caught_up = CaughtUp::with(&settings(directory), node.alone.journal(), node.alone.machine())?;
    caught_up.follow(node.published())
}

/// All that a node wrote with these blocks, and what they led to.
fn written(home: &Path, blocks: &[Batch]) -> Vec<Applied> {
    let mut node = Node::start(&home.join("data"));
    let history = begin(&node, &home.join("history")).expect("history");
    let applied = blocks.iter().map(|batch| node.make(batch)).collect();
    drop(node);
    history.finish();
    applied
}

fn exported(home: &Path, name: &str, asked: &Export<'_>) -> Result<Option<(u64, u64)>, HistoryError> {
    let (journal, _) = journal::Journal::open(&home.join("data")).expect("a journal");
    let heights = export(&journal, &home.join(name), asked, &mut |_, _| ())?;
    Ok(heights.map(RangeEnds::ends))
}

trait RangeEnds {
    fn ends(self) -> (u64, u64);
}

impl RangeEnds for std::ops::RangeInclusive<u64> {
    fn ends(self) -> (u64, u64) {
        (*self.start(), *self.end())
    }
}

fn all() -> Export<'static> {
    Export { tables: &Table::ALL, heights: 1..=u64::MAX, places: places(), rotation: rotation() }
}

fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (everything(one), everything(other));
    for (table, rows) in &one {
        assert_eq!(rows, &other[table], "{table}");
    }
}

#[test]
fn every_event_is_a_row_and_every_row_an_event() {
    let home = tempdir().expect("a directory");
    let applied = written(home.path(), &batches(SEED, 300));
    let directory = home.path().join("history");
    let events =
        || applied.iter().flat_map(|block| (block.first_event..).zip(&block.events).map(move |own| (block, own)));
    let count = |wanted: fn(&Event) -> bool| events().filter(|(_, (_, event))| wanted(event)).count();
    for (table, wanted) in [
        (Table::Fills, (|event| matches!(event, Event::Filled { .. })) as fn(&Event) -> bool),
        (Table::Funding, |event| matches!(event, Event::FundingPaid { .. })),
        (Table::Losses, |event| matches!(event, Event::LossAllocated { .. })),
        (Table::Deleveraging, |event| matches!(event, Event::AutoDeleveraged { .. })),
        (Table::Liquidations, |event| {
            matches!(
                event,
                Event::AccountLiquidated { .. } | Event::AccountRestored { .. } | Event::AccountClosed { .. }
            )
        }),
        (Table::PortfolioAuctions, |event| {
            matches!(
                event,
                Event::PortfolioAuctioned { .. } | Event::SliceTaken { .. } | Event::PortfolioAbsorbed { .. }
            )
        }),
    ] {
        let rows = rows(&directory, table);
        assert!(count(wanted) > 0, "the market has {}", table.name());
        assert_eq!(rows.len(), count(wanted), "{}", table.name());
        let sequences: BTreeSet<i64> = rows.iter().map(|row| whole(row, "sequence")).collect();
        assert_eq!(sequences.len(), rows.len(), "{}: none twice", table.name());
    }
    let blocks = rows(&directory, Table::Blocks);
    assert_eq!(blocks.len(), applied.len());
    for (row, block) in blocks.iter().zip(&applied) {
        assert_eq!(whole(row, "height"), block.height as i64);
        assert_eq!(whole(row, "commands"), block.answers.len() as i64);
        assert_eq!(whole(row, "events"), block.events.len() as i64);
        let parquet::record::Field::Bytes(root) = field(row, "state_root") else { panic!("a root") };
        assert_eq!(root.data(), block.root);
    }
    let fills = rows(&directory, Table::Fills);
    let expected = events().filter(|(_, (_, event))| matches!(event, Event::Filled { .. }));
    for (row, (block, (sequence, event))) in fills.iter().zip(expected) {
        let Event::Filled { pool, account, instrument, quantity, price, fee, forced } = event else { continue };
        let shape = (whole(row, "sequence"), whole(row, "height"), whole(row, "time"));
        assert_eq!(shape, (sequence as i64, block.height as i64, block.time.get()));
        let ids = [whole(row, "pool"), whole(row, "account"), whole(row, "instrument")];
        assert_eq!(ids, [i64::from(pool.0), i64::from(account.0), i64::from(instrument.0)]);
        // Exact, in units: a lot is a thousandth of the first asset.
        let lot_places = whole(row, "lot_places") as u32;
        let (units, scale) = number(row, "quantity");
        assert_eq!((units, scale), (i128::from(quantity.get()) * 10_i128.pow(12 - lot_places), 12));
        assert_eq!(number(row, "price"), (i128::from(price.get()) * 10_i128.pow(lot_places), 6));
        assert_eq!(number(row, "fee"), (fee.get(), 6));
        assert_eq!(*field(row, "forced"), parquet::record::Field::Bool(*forced));
        assert!(text(row, "name").starts_with("instrument "));
    }
    assert!(
        fills.iter().any(|row| whole(row, "lot_places") == 3) && fills.iter().any(|row| whole(row, "lot_places") == 0)
    );
}

#[test]
fn prices_and_funding_are_those_of_the_state() {
    let home = tempdir().expect("a directory");
    let blocks = batches(SEED, 120);
    written(home.path(), &blocks);
    let directory = home.path().join("history");
    let mut system = node::system::System::begin(&market::network().encoded()).expect("a network");
    let (prices, funding) = (rows(&directory, Table::Prices), rows(&directory, Table::Funding));
    let (mut seen, mut second) = (0, system.engine().state().time.get() / 1_000);
    for batch in &blocks {
        let applied = system.apply(batch);
        let state = system.engine().state();
        let own: Vec<_> = prices.iter().filter(|row| whole(row, "height") == batch.height as i64).collect();
        let pays = applied.events.iter().any(|event| matches!(event, Event::FundingPaid { .. }));
        let due = batch.time.get() / 1_000 != second || pays;
        second = batch.time.get() / 1_000;
        let markets: usize = state.pools.iter().map(|(_, pool)| pool.instruments.len()).sum();
        assert_eq!(own.len(), if due { markets } else { 0 }, "block {}", batch.height);
        for row in own {
            let pool = &state.pools[clearing::table::PoolId(whole(row, "pool") as u16)];
            let listed = &pool.instruments[clearing::table::InstrumentId(whole(row, "instrument") as u16)];
            let feed = &state.feeds[listed.parameters.feed];
            let a_unit = 10_i128.pow(whole(row, "lot_places") as u32);
            let found = ["index", "slow", "confidence"].map(|name| number(row, name).0);
            let expected = [feed.index, feed.slow, feed.confidence].map(|price| i128::from(price.get()) * a_unit);
            assert_eq!(found, expected);
            if listed.priced {
                assert_eq!(number(row, "mark").0, i128::from(listed.mark.get()) * a_unit);
            } else {
                assert_eq!(*field(row, "mark"), parquet::record::Field::Null);
            }
            seen += 1;
        }
        for row in funding.iter().filter(|row| whole(row, "height") == batch.height as i64) {
            let ((rate, _), (price, _), (paid, scale)) =
                (number(row, "rate"), number(row, "price"), number(row, "paid_a_unit"));
            assert_eq!((paid, scale), (rate * price, 12));
        }
    }
    assert_eq!(seen, prices.len());
    assert!(!funding.is_empty());
}

#[test]
fn a_journal_alone_leads_to_the_same_rows() {
    let home = tempdir().expect("a directory");
    written(home.path(), &batches(SEED, 150));
    assert_eq!(exported(home.path(), "all", &all()).expect("exported"), Some((1, 150)));
    assert_same(&home.path().join("history"), &home.path().join("all"));
    // A part of the heights and tables is that part of the rows.
    let part = Export { tables: &[Table::Fills, Table::Prices], heights: 40..=99, ..all() };
    assert_eq!(exported(home.path(), "part", &part).expect("exported"), Some((40, 99)));
    for table in part.tables {
        let inside = |row: &&parquet::record::Row| (40..=99).contains(&whole(row, "height"));
        let expected: Vec<String> =
            rows(&home.path().join("all"), *table).iter().filter(inside).map(|row| format!("{row:?}")).collect();
        let found = &everything(&home.path().join("part"))[table.name()];
        assert!(!expected.is_empty() && *found == expected, "{}", table.name());
    }
    assert!(!home.path().join("part/blocks").exists());
    let beyond = Export { heights: 151..=u64::MAX, ..all() };
    assert_eq!(exported(home.path(), "beyond", &beyond).expect("exported"), None);
    // What is there already may be somebody's only copy.
    let again = exported(home.path(), "all", &all()).expect_err("refused");
    assert!(matches!(again, HistoryError::Exists { .. }), "{again}");
}

#[test]
fn files_rotate_and_say_what_they_cover() {
    let home = tempdir().expect("a directory");
    let applied = written(home.path(), &batches(SEED, 100));
    let directory = home.path().join("history");
    let mut next = 1;
    let blocks = files(&directory, Table::Blocks);
    assert!(blocks.len() > 10, "{}", blocks.len());
    for path in &blocks {
        let about = about(path);
        let height = |key: &str| about[key].parse::<u64>().expect("a height");
        let (from, to) = (height("seawall.from_height"), height("seawall.to_height"));
        assert_eq!(
            (from, path.file_stem().and_then(|stem| stem.to_str())),
            (next, Some(format!("{next:020}").as_str()))
        );
        assert_eq!(reading::rows_of(path).len() as u64, to - from + 1);
        let covered = &applied[from as usize - 1..to as usize];
        let events: usize = covered[..covered.len() - 1].iter().map(|block| block.events.len()).sum();
        assert!(covered.len() <= 7 && events < 40, "{from} to {to}");
        assert_eq!((about["seawall.format"].as_str(), about["seawall.table"].as_str()), ("1", "blocks"));
        next = to + 1;
    }
    assert_eq!(next, 101);
}

/// The node of the test below, told by its environment where to run.
#[test]
fn the_node_that_is_killed() {
    let Some(home) = std::env::var_os("HISTORY_HOME") else { return };
    let home = Path::new(&home);
    let mut node = Node::start(&home.join("data"));
    let history = begin(&node, &home.join("history")).expect("history");
    for batch in batches(SEED, 400).iter().skip(usize::try_from(node.height()).expect("few")) {
        node.make(batch);
    }
    drop(node);
    history.finish();
}

#[test]
fn a_killed_node_leaves_no_gap_and_no_row_twice() {
    let kills: u32 = std::env::var("HISTORY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let home = tempdir().expect("a directory");
    let run = || {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "the_node_that_is_killed"]).env("HISTORY_HOME", home.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
    };
    let mut cut_short = 0;
    for kill in 0..kills {
        let mut node = run();
        std::thread::sleep(Duration::from_millis(u64::from(kill * 37 % 311) + 1));
        node.kill().expect("killed");
        cut_short += u32::from(!node.wait().expect("it has ended").success());
    }
    assert!(cut_short > 0, "some were killed while they ran");
    assert!(run().wait().expect("it has ended").success());
    exported(home.path(), "all", &all()).expect("exported");
    assert_same(&home.path().join("history"), &home.path().join("all"));
    let unfinished =
        |table: &Table| std::fs::read_dir(home.path().join("history").join(table.name())).expect("read").count();
    let finished: usize = Table::ALL.iter().map(|table| files(&home.path().join("history"), *table).len()).sum();
    assert_eq!(Table::ALL.iter().map(unfinished).sum::<usize>(), finished, "nothing unfinished is left");
}

#[test]
fn a_writer_that_died_between_two_tables_is_made_good() {
    let home = tempdir().expect("a directory");
    written(home.path(), &batches(SEED, 100));
    let directory = home.path().join("history");
    exported(home.path(), "all", &all()).expect("exported");
    for lost in 1..4 {
        // The blocks are written last: what is beyond them is made again, and may end elsewhere.
        for path in files(&directory, Table::Blocks).iter().rev().take(lost) {
            std::fs::remove_file(path).expect("removed");
        }
        std::fs::write(directory.join("fills").join(format!("{:020}.new", 95)), b"half a file").expect("written");
        let node = Node::start(&home.path().join("data"));
        let history = begin(&node, &directory).expect("history");
        drop(node);
        history.finish();
        assert_same(&directory, &home.path().join("all"));
    }
    // Without anything it begins with the genesis.
    std::fs::remove_dir_all(&directory).expect("removed");
    let node = Node::start(&home.path().join("data"));
    begin(&node, &directory).expect("history");
    assert_same(&directory, &home.path().join("all"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_history_and_not_the_node() {
    let home = tempdir().expect("a directory");
    let (directory, blocks) = (home.path().join("history"), batches(SEED, 100));
    let mut node = Node::start(&home.path().join("data"));
    let history = begin(&node, &directory).expect("history");
    // A device that is always full, where the first file of blocks is written before it has its name.
    std::os::unix::fs::symlink("/dev/full", directory.join(format!("blocks/{:020}.new", 1))).expect("a link");
    let mut progress = history.progress();
    let refused = |progress: &Progress| matches!(progress, Progress::Refused(0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut batches = blocks.iter();
    while !refused(&progress.borrow_and_update()) {
        node.make(batches.next().expect("it is refused before the last block"));
        runtime.block_on(progress.changed()).expect("it goes on");
    }
    // What was refused is tried again; nothing is missing in the end.
    batches.for_each(|batch| drop(node.make(batch)));
    assert_eq!(node.height(), 100, "the node went on");
    drop(node);
    history.finish();
    exported(home.path(), "all", &all()).expect("exported");
    assert_same(&directory, &home.path().join("all"));
}

#[test]
fn a_folder_that_cannot_be_written_stops_history_with_its_name() {
    let home = tempdir().expect("a directory");
    let node = Node::start(&home.path().join("data"));
    let file = home.path().join("file");
    std::fs::write(&file, b"").expect("written");
    let failure = begin(&node, &file).map(|_| ()).expect_err("refused");
    assert!(matches!(&failure, HistoryError::Io { path, .. } if path.starts_with(&file)), "{failure}");
}

#[test]
fn files_that_are_not_ours_are_left_alone_or_named() {
    let home = tempdir().expect("a directory");
    written(home.path(), &batches(SEED, 60));
    let directory = home.path().join("history");
    let node = Node::start(&home.path().join("data"));
    // Other names are nobody's business.
    for name in ["README", "1.parquet", "x0000000000000000001.parquet", "99999999999999999999.parquet"] {
        std::fs::write(directory.join("blocks").join(name), b"whatever").expect("written");
    }
    begin(&node, &directory).expect("history");
    assert!(directory.join("blocks/README").exists() && directory.join("blocks/1.parquet").exists());
    let newest = files(&directory, Table::Blocks)
        .into_iter()
        .rev()
        .find(|path| path.to_string_lossy().contains("/000"))
        .expect("a file");
    let whole = std::fs::read(&newest).expect("read");
    let refused = |what: &str| {
        let failure = begin(&node, &directory).map(|_| ()).expect_err(what);
        let said = failure.to_string();
        assert!(said.contains(newest.to_str().expect("a plain name")), "{what}: {said}");
        assert!(newest.exists(), "{what}: it is not removed");
        said
    };
    std::fs::write(&newest, b"").expect("written");
    assert!(refused("nothing").contains("hint: move it away"));
    std::fs::write(&newest, b"PAR1 something else PAR1").expect("written");
    refused("no footer");
    for part in 1..8 {
        std::fs::write(&newest, &whole[..whole.len() * part / 8]).expect("written");
        refused("a part");
    }
    // A footer that claims to be longer than any memory.
    let mut claims = whole.clone();
    let length = claims.len();
    claims[length - 8..length - 4].copy_from_slice(&[0xff; 4]);
    std::fs::write(&newest, &claims).expect("written");
    refused("a long footer");
    std::fs::remove_file(&newest).expect("removed");
    std::fs::create_dir(&newest).expect("a directory");
    refused("a directory");
    std::fs::remove_dir(&newest).expect("removed");
    std::fs::copy(files(&directory, Table::Blocks)[0].as_path(), &newest).expect("copied");
    assert!(refused("another's name").contains("its name is not its first height"));
    let fills = files(&directory, Table::Fills);
    std::fs::copy(&fills[0], &newest).expect("copied");
    assert!(refused("another table").contains("its columns are not those of blocks"));
    // Any bit of the end, where the file says what it is: refused, or read as what it is, and never a panic.
    for at in whole.len() - 900..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&newest, &flipped).expect("written");
        let _ = CaughtUp::with(&settings(&directory), node.alone.journal(), node.alone.machine());
        assert!(newest.exists(), "byte {at}");
    }
}

#[test]
fn another_networks_history_and_a_newer_one_are_refused() {
    let home = tempdir().expect("a directory");
    written(home.path(), &batches(SEED, 60));
    let directory = home.path().join("history");
    let other = home.path().join("other");
    let network = node::system::Network { chain_id: 8, ..market::network() };
    drop(replication::Alone::<node::system::System>::create(&other, &network.encoded()).expect("a new node"));
    let node = Node::start(&other);
    let failure = begin(&node, &directory).map(|_| ()).expect_err("refused");
    assert!(matches!(failure, HistoryError::Network { .. }), "{failure}");
    // A journal that was restored from an older copy.
    let older = home.path().join("older");
    let mut node = Node::start(&older);
    batches(SEED, 20).iter().for_each(|batch| drop(node.make(batch)));
    let failure = begin(&node, &directory).map(|_| ()).expect_err("refused");
    assert!(matches!(failure, HistoryError::Ahead { found: 60, allowed: 20, .. }), "{failure}");
}
