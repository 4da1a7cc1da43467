//! `seawall simulate`: runs an experiment file.

use crate::failure::Failure;
use crate::output;
use lab::simulation::{Experiment, simulate};
use std::path::PathBuf;

/// Runs markets of agents around the clearing core, thousands of times
#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// The experiment file
    file: PathBuf,
}

/// Runs it.
pub(crate) fn run(args: &SimulateArgs) -> Result<u8, Failure> {
    let text = std::fs::read_to_string(&args.file).map_err(Failure::file(&args.file))?;
    let experiment = Experiment::parse(&text, &args.file.display().to_string()).map_err(Failure::data)?;
    let began = std::time::Instant::now();
    let results = simulate(&experiment, &|| ()).map_err(Failure::data)?;
    for (at, cell) in results.cells.iter().enumerate() {
        println!("{cell:?}");
        for (place, (name, _)) in lab::simulation::FIGURES.iter().enumerate() {
            let mut values: Vec<f64> = results.runs.iter().filter(|run| run.cell == at).map(|run| run.figures.values[place]).collect();
            values.sort_by(f64::total_cmp);
            println!("  {name}: {} {} {}", values[0], values[values.len() / 2], values[values.len() - 1]);
        }
    }
    println!("{:?}", results.calibration);
    println!("{} runs {:?}", results.runs.len(), began.elapsed());
    output::print("")?;
    Ok(0)
}
