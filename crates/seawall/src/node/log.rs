//! What a node tells its operator: lines on standard error, for people or for programs.

use super::config::{Log, LogFormat};
use crate::failure::Failure;
use tracing_subscriber::EnvFilter;

/// Starts the log.
pub(super) fn start(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::builder().parse(&log.level);
    let filter = filter.map_err(|error| Failure::data(format!("log.level: found {:?}: {error}", log.level)))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(crate::output::colourful_errors()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| Failure::broken(&error.to_string()))
}
