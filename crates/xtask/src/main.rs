//! `cargo xtask`: the house rules from the command line.

use std::process::ExitCode;
use std::{fs, path::Path};
use xtask::tree::Tree;
use xtask::{acceptance, as_json, lengths, tidy};

const USAGE: &str = "usage: cargo xtask tidy [--json] [--update [--allow-growth]]
       cargo xtask accept-drill REPORT.json...

tidy           checks the house rules; exit 1 if something is found
  --json           findings as JSON
  --update         first lower the numbers in crates/xtask/lengths.toml
  --allow-growth   let --update raise numbers and add lines too
accept-drill   checks the JSON of `seawall drill run --json`: no bad debt, balanced books, equal state roots";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, options)) if command == "tidy" => run_tidy(options),
        Some((command, files)) if command == "accept-drill" && !files.is_empty() => run_acceptance(files),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run_tidy(options: &[String]) -> Result<bool, String> {
    let allowed = ["--json", "--update", "--allow-growth"];
    if let Some(unknown) = options.iter().find(|option| !allowed.contains(&option.as_str())) {
        return Err(format!("unknown option: {unknown}\n{USAGE}"));
    }
    let has = |option: &str| options.iter().any(|given| given == option);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = || Tree::read(&root).map_err(|error| format!("cannot read the repository: {error}"));
    let mut tree = read()?;
    if has("--update") {
        let list = lengths::updated(&tree, has("--allow-growth"))?;
        fs::write(root.join(lengths::BASELINE), list)
            .map_err(|error| format!("cannot write {}: {error}", lengths::BASELINE))?;
        tree = read()?;
    }
    let findings = tidy(&tree);
    if has("--json") {
        println!("{}", as_json(&findings));
    } else {
        findings.iter().for_each(|finding| println!("{finding}"));
        println!("{} {}", findings.len(), if findings.len() == 1 { "finding" } else { "findings" });
    }
    Ok(findings.is_empty())
}

fn run_acceptance(files: &[String]) -> Result<bool, String> {
    let read = |file: &String| fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"));
    let reports = files.iter().map(read).collect::<Result<Vec<String>, String>>()?;
    let problems = acceptance::problems(&reports);
    problems.iter().for_each(|problem| println!("{problem}"));
    println!("drill reports: {}, problems: {}", reports.len(), problems.len());
    Ok(problems.is_empty())
}
