//! Decides which command was meant, and what the process answers its caller: text, and an exit code.
//!
//! A subcommand is one file with `Options` (its arguments) and `run(options) -> Result<(), Failure>`. To add one: a `mod`
//! line, a variant of [`Command`], an arm in [`main`].

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod margin;
mod output;

use output::Failure;

/// A clearing house that stays standing when markets do not.
#[derive(Parser)]
#[command(name = "seawall", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done · 2 wrong usage · 65 the input makes no sense · 74 a file or stream cannot be read or written";

#[derive(Subcommand)]
enum Command {
    /// What would this portfolio need? Margin, the rows that bind and liquidation prices of one account
    Margin(margin::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Margin(options) => margin::run(&options),
    };
    result.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}
