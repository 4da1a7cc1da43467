//! `seawall init`: a new network: its keys, its first state, and the file that an operator edits.

use crate::failure::Failure;
use crate::node::config;
use crate::output;
use clap::Args;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use node::system::System;
use rand::TryRng;
use rand::rngs::SysRng;
use replication::Alone;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a new network: keys, a commented configuration, and a journal that holds its first state
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  seawall init venue\n  seawall node --config venue/node.toml\n\n\
    Secret keys are written for governance and custodian, unless their public keys are given. The node needs neither of them: move them away.\n\n\
    Exit codes:\n  0   done\n  2   usage\n  65  a key is malformed\n  74  a file exists already or cannot be written")]
pub(crate) struct InitArgs {
    /// The new directory
    directory: PathBuf,
    /// The chain that members' wallets are connected to (EIP-155)
    #[arg(long, default_value_t = 1)]
    chain_id: u64,
    /// The public key of governance: ed25519, or an Ethereum address, in hexadecimal
    #[arg(long)]
    governance: Option<String>,
    /// The public key of the custodian
    #[arg(long)]
    custodian: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; answers the exit code.
pub(crate) fn run(args: &InitArgs) -> Result<u8, Failure> {
    let file = args.directory.join("node.toml");
    if file.exists() {
        return Err(Failure::io(&format!("{}: exists already\nhint: name another directory", file.display())));
    }
    for (name, given) in [("governance", &args.governance), ("custodian", &args.custodian)] {
        given
            .as_deref()
            .map_or(Ok(()), |given| config::key(&format!("--{name}"), given).map(drop))
            .map_err(Failure::data)?;
    }
    let mut secrets = Vec::new();
    let governance = office(args, "governance", args.governance.as_deref(), &mut secrets)?;
    let custodian = office(args, "custodian", args.custodian.as_deref(), &mut secrets)?;
    std::fs::create_dir_all(&args.directory).map_err(Failure::file(&args.directory))?;
    let text = config::commented(args.chain_id, now_ms(), &governance, &custodian);
    write_new(&file, text.as_bytes(), false)?;
    let begun = config::Config::read(&file).and_then(|config| {
        let alone = Alone::<System>::create(&config.data, &config.network.encoded()).map_err(Failure::data)?;
        Ok((config, alone.journal().height()))
    });
    // A file that does not lead to a node is no file: the next attempt begins anew.
    let (config, _) = begun.inspect_err(|_| drop(std::fs::remove_file(&file)))?;
    report(args, &file, &config, &secrets)?;
    Ok(0)
}

/// The public key of an office: the one that was given, or a new one whose secret is written.
fn office(args: &InitArgs, name: &str, given: Option<&str>, secrets: &mut Vec<PathBuf>) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let folder = args.directory.join("keys");
    std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
    let mut secret = [0; 32];
    SysRng.try_fill_bytes(&mut secret).map_err(|error| Failure::io(&format!("no randomness: {error}")))?;
    let path = folder.join(format!("{name}.key"));
    write_new(&path, format!("{}\n", output::hex(&secret)).as_bytes(), true)?;
    secrets.push(path);
    let public: [u8; 32] = VerificationKeyBytes::from(&SigningKey::from(secret)).into();
    Ok(format!("0x{}", output::hex(&public)))
}

/// Writes a file that was not there; a secret one is for its owner alone.
fn write_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let mut file = options.open(path).map_err(Failure::file(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Failure::file(path))
}

fn report(args: &InitArgs, file: &Path, config: &config::Config, secrets: &[PathBuf]) -> Result<(), Failure> {
    let network = output::hex(&config.network.domain().network);
    if args.json {
        return output::print_json(&serde_json::json!({
            "config": file, "data": config.data, "network": format!("0x{network}"), "chain_id": args.chain_id,
            "secret_keys": secrets,
        }));
    }
    let mut table = output::table(&["new network", ""]);
    table.add_row(["network", &format!("0x{network}")]);
    table.add_row(["configuration", &file.display().to_string()]);
    table.add_row(["journal", &config.data.display().to_string()]);
    for path in secrets {
        table.add_row(["secret key: move it away", &path.display().to_string()]);
    }
    output::print(&format!("{table}\n\nnext: seawall node --config {}\n", file.display()))
}

#[expect(clippy::disallowed_methods, reason = "a network begins on some day")]
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
