//! `seawall journal`: whether a node's journal is what was written, and its blocks for other programs.

use crate::failure::Failure;
use crate::output;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use journal::{Journal, JournalError, Report};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Checks a node's journal, or copies its blocks out of it
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  seawall journal verify data\n  seawall journal export data blocks.bin --from 1 --to 1000\n\n\
    The node that writes the journal must not be running. Damaged blocks at the very end (a torn last write) are cut off, and named.\n\n\
    Exit codes:\n  0   everything is what was written\n  1   blocks at the end were cut off, or a snapshot is not whole\n  2   usage\n  \
    65  no journal, or one that is damaged before its end\n  74  a file could not be read or written, or is in use"
)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    Verify(VerifyArgs),
    Export(ExportArgs),
}

/// Reads every page, block and snapshot
#[derive(Debug, Args)]
struct VerifyArgs {
    /// The node's data directory
    directory: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Writes blocks into one file, front to back (`docs/decisions/0014-journal.md` has the format)
#[derive(Debug, Args)]
struct ExportArgs {
    /// The node's data directory
    directory: PathBuf,
    /// The new file
    file: PathBuf,
    /// The first height
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// The last height; all that there are, if it is not given
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &JournalArgs) -> Result<u8, Failure> {
    match &args.command {
        JournalCommand::Verify(args) => verify(args),
        JournalCommand::Export(args) => export(args),
    }
}

fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let bar = ProgressBar::new(0);
    let report = journal::verify(&args.directory, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(failure)?;
    let whole = report.cut.is_empty() && report.damaged.is_empty();
    if args.json {
        let damaged = report.damaged.iter().map(|file| serde_json::json!({ "file": file.path, "what": file.what }));
        output::print_json(&serde_json::json!({
            "height": report.height, "head": output::hex(&report.head), "bytes": report.bytes, "cut": report.cut,
            "snapshots": report.snapshots, "damaged_snapshots": damaged.collect::<Vec<_>>(),
        }))?;
    } else {
        output::print(&described(&report, whole))?;
    }
    Ok(u8::from(!whole))
}

fn described(report: &Report, whole: bool) -> String {
    let mut table = output::table(&["journal", ""]);
    table.add_row(["blocks".to_owned(), output::count(report.height)]);
    table.add_row(["bytes of blocks".to_owned(), output::count(report.bytes)]);
    table.add_row(["head".to_owned(), output::hex(&report.head)]);
    table.add_row(["whole snapshots".to_owned(), heights(&report.snapshots)]);
    let mut text = format!("{table}\n\n");
    if !report.cut.is_empty() {
        text += &format!("damaged blocks at the end were cut off: {}\n", heights(&report.cut));
    }
    for file in &report.damaged {
        text += &format!("snapshot not whole: {}: {}\n", file.path.display(), file.what);
    }
    if whole { text + "everything is what was written\n" } else { text }
}

fn heights(heights: &[u64]) -> String {
    let listed: Vec<String> = heights.iter().map(|height| output::count(*height)).collect();
    if listed.is_empty() { "none".to_owned() } else { listed.join(" · ") }
}

fn export(args: &ExportArgs) -> Result<u8, Failure> {
    let to = args.to.unwrap_or(u64::MAX);
    if to < args.from {
        return Err(Failure::usage(format!("--to: found {to}, allowed {} or more", args.from)));
    }
    let (journal, opened) = Journal::open(&args.directory).map_err(failure)?;
    let named = Failure::file(&args.file);
    // A file that is there already may be somebody's only copy.
    let file = File::options().write(true).create_new(true).open(&args.file).map_err(&named)?;
    let count = write_blocks(&journal, args, to, file);
    let count = count.inspect_err(|_| {
        let _ = std::fs::remove_file(&args.file);
    })?;
    if args.json {
        output::print_json(&serde_json::json!({ "blocks": count, "cut": opened.cut }))?;
    } else {
        output::print(&format!("{} blocks in {}\n", output::count(count), args.file.display()))?;
    }
    Ok(u8::from(!opened.cut.is_empty()))
}

fn write_blocks(journal: &Journal, args: &ExportArgs, to: u64, file: File) -> Result<u64, Failure> {
    let mut writer = BufWriter::new(file);
    let count = journal.export(args.from..=to, &mut writer, &args.file).map_err(failure)?;
    let written = writer.flush().and_then(|()| writer.get_ref().sync_all());
    written.map_err(Failure::file(Path::new(&args.file)))?;
    Ok(count)
}

/// What the system refused is not what is wrong with the journal.
pub(crate) fn failure(error: JournalError) -> Failure {
    match error {
        JournalError::Io { .. } | JournalError::InUse { .. } => Failure::io(&error),
        _ => Failure::data(error),
    }
}
