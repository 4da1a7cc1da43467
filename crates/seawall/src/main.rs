//! The `seawall` program: one subcommand a file, none of which decides a rule.
//!
//! A subcommand's file holds its arguments and `run(&args) -> Result<u8, Failure>`, which answers the exit code. To add
//! one: a `mod` line, a variant of [`Command`], an arm in [`main`].

mod backtest;
mod bench;
mod drill;
mod simulate;
mod margin;
mod replay;
mod contagion;
mod journal;
mod export;
mod init;
mod node;
mod failure;
mod output;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// A clearing house for decentralised derivatives that stays standing when markets do not
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = "Example:\n  seawall drill run october-2025")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replays historic crashes against today's rules
    Drill(drill::DrillArgs),
    Simulate(simulate::SimulateArgs),
    Tune(simulate::TuneArgs),
    Backtest(backtest::BacktestArgs),
    Margin(margin::MarginArgs),
    Replay(replay::ReplayArgs),
    Contagion(contagion::ContagionArgs),
    Journal(journal::JournalArgs),
    Export(export::ExportArgs),
    Init(init::InitArgs),
    Node(node::NodeArgs),
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let result: Result<u8, Failure> = match Cli::parse().command {
        Command::Drill(args) => drill::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Tune(args) => simulate::run_tune(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Margin(args) => margin::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Contagion(args) => contagion::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Bench(args) => bench::run(&args),
    };
    result.map_or_else(
        |failure| {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        },
        ExitCode::from,
    )
}
