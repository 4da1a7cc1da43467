//! `seawall replay`: a recorded run applied again, root by root.

use crate::failure::Failure;
use crate::output;
use clap::Args;
use indicatif::ProgressBar;
use lab::block_log::{BlockLogError, Divergence, Replay, replay};
use std::fs::File;
use std::path::PathBuf;
use std::time::Instant;

/// Applies a recorded block log again and compares every root
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  seawall drill run october-2025 --accounts 500 --record run.log\n  seawall replay run.log\n\n\
    Exit codes:\n  0   every root is the recorded one\n  1   a root differs\n  2   usage\n  65  the file is not a whole block log\n  \
    74  the file could not be read"
)]
pub(crate) struct ReplayArgs {
    /// The log, as written by `seawall drill run --record`
    log: PathBuf,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let file = File::open(&args.log).map_err(Failure::file(&args.log))?;
    let bar = ProgressBar::new_spinner();
    let begun = Instant::now();
    let found = replay(file, |block| {
        bar.inc(1);
        if block.height.is_multiple_of(50) {
            bar.set_message(format!("block {}  {} UTC", block.height, output::clock(block.time.get())));
        }
    });
    bar.finish_and_clear();
    let found = found.map_err(|error: BlockLogError| Failure::data(format!("{}: {error}", args.log.display())))?;
    print(args, &found, begun.elapsed().as_secs_f64())?;
    Ok(u8::from(found.divergence.is_some()))
}

fn print(args: &ReplayArgs, found: &Replay, seconds: f64) -> Result<(), Failure> {
    if args.json {
        let divergence = found.divergence.as_ref().map(|Divergence { height, recorded, found }| {
            serde_json::json!({ "height": height, "recorded": output::hex(recorded), "found": output::hex(found) })
        });
        return output::print_json(&serde_json::json!({
            "blocks": found.blocks, "commands": found.commands, "state_root": output::hex(&found.root), "divergence": divergence,
        }));
    }
    let mut table = output::table(&["replay", ""]);
    table.add_row(["blocks".to_owned(), output::count(found.blocks)]);
    table.add_row(["commands".to_owned(), output::count(found.commands)]);
    table.add_row(["state root".to_owned(), output::hex(&found.root)]);
    table.add_row(["time".to_owned(), format!("{seconds:.1} s")]);
    let verdict = match &found.divergence {
        None => "every root is the recorded one\n".to_owned(),
        Some(Divergence { height, recorded, found }) => {
            format!(
                "first divergence at block {height}: recorded {}, found {}\n",
                output::hex(recorded),
                output::hex(found)
            )
        }
    };
    output::print(&format!("{table}\n\n{verdict}"))
}
