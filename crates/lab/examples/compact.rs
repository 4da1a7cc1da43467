//! Decides nothing: regenerates a drill's compact recording from the data folder.
//!
//! `cargo run --release -p lab --example compact -- --data ../shared/data --out drills/october-2025/path.bin.zst`

use std::path::PathBuf;
use std::process::ExitCode;

use lab::tape::{TapeError, compact};

fn main() -> ExitCode {
    let Some((data, out)) = arguments() else {
        eprintln!("usage: compact --data DATA_FOLDER --out FILE");
        return ExitCode::from(2);
    };
    let written = encode(&data).map_err(|error| error.to_string()).and_then(|bytes| {
        std::fs::write(&out, &bytes).map_err(|error| format!("cannot write {}: {error}", out.display()))?;
        Ok(bytes.len())
    });
    match written {
        Ok(length) => {
            println!("{}: {length} bytes", out.display());
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn encode(data: &std::path::Path) -> Result<Vec<u8>, TapeError> {
    compact(data)?.write_compact()
}

fn arguments() -> Option<(PathBuf, PathBuf)> {
    let (mut data, mut out) = (None, None);
    let mut words = std::env::args_os().skip(1);
    while let Some(flag) = words.next() {
        let slot = if flag == "--data" { &mut data } else { &mut out };
        if flag != "--data" && flag != "--out" {
            return None;
        }
        *slot = Some(PathBuf::from(words.next()?));
    }
    data.zip(out)
}
