//! `seawall init` and `seawall node --config`: a network is made once, and a node refuses what does not belong to it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::tempdir;

fn seawall(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seawall")).args(args).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ends the node with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn status_of(config: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["node", "--listen", "127.0.0.1:0", "--config", config]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut node = Ended(command.spawn().expect("the node starts"));
    let mut line = String::new();
    BufReader::new(node.0.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    write!(stream, "GET /v1/status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    serde_json::from_str(text.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("read");
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn a_network_is_made_once_and_runs() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    let folder_name = folder.to_str().expect("a plain name");
    let made = seawall(&["init", folder_name, "--chain-id", "7", "--json"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let told: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let config = folder.join("node.toml");
    let config_name = config.to_str().expect("a plain name");
    for name in ["governance", "custodian"] {
        let path = folder.join(format!("keys/{name}.key"));
        assert_eq!(std::fs::read_to_string(&path).expect("a key").trim().len(), 64);
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
            assert_eq!(mode & 0o777, 0o600, "{name}: for its owner alone");
        }
    }
    let status = status_of(config_name);
    assert_eq!((&status["network"], &status["chainId"]), (&told["network"], &Value::from(7)));
    assert_eq!(status["mode"], "live");
    let again = seawall(&["init", folder_name]);
    assert_eq!(again.status.code(), Some(74));
    assert!(said(&again).contains("exists already"), "{}", said(&again));

    // Another chain is another network: its journal is not this one.
    replace(&config, "chain_id = 7", "chain_id = 8");
    let refused = seawall(&["node", "--config", config_name]);
    assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    assert!(said(&refused).contains("holds another network"), "{}", said(&refused));
    replace(&config, "chain_id = 8", "chain_id = 7");
    // A journal that is not there is not begun anew.
    replace(&config, "data = \"data\"", "data = \"elsewhere\"");
    let refused = seawall(&["node", "--config", config_name]);
    assert_eq!(refused.status.code(), Some(65), "{}", said(&refused));
    assert!(said(&refused).contains("no journal"), "{}", said(&refused));
    assert!(!folder.join("elsewhere/journal.redb").exists());
}

#[test]
fn keys_that_are_given_need_no_secret_here() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    let folder_name = folder.to_str().expect("a plain name");
    let (governance, custodian) = ("7a".repeat(32), format!("0x{}", "01".repeat(20)));
    let made = seawall(&["init", folder_name, "--governance", &governance, "--custodian", &custodian]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert!(!folder.join("keys").exists());
    for bad in ["", "zz", &"00".repeat(32), &"11".repeat(31)] {
        let folder = home.path().join("other");
        let refused = seawall(&["init", folder.to_str().expect("a plain name"), "--governance", bad]);
        assert_eq!(refused.status.code(), Some(65), "{bad}: {}", said(&refused));
        assert!(said(&refused).starts_with("error: --governance: found "), "{bad}: {}", said(&refused));
        assert!(!folder.exists(), "{bad}: nothing is left behind");
    }
}

#[test]
fn a_configuration_that_is_none_is_refused_with_its_place() {
    let home = tempdir().expect("a directory");
    let path = home.path().join("node.toml");
    let name = path.to_str().expect("a plain name");
    for (text, expected) in [
        ("", "missing field"),
        ("data = ", "line 1"),
        ("\u{0}\u{1}", "line 1"),
        ("data = \"x\"\nlisten = \"127.0.0.1:0\"\ndata = \"y\"", "duplicate key"),
    ] {
        std::fs::write(&path, text).expect("written");
        let refused = seawall(&["node", "--config", name]);
        assert_eq!(refused.status.code(), Some(65), "{text:?}: {}", said(&refused));
        assert!(
            said(&refused).contains(expected) && said(&refused).contains("node.toml"),
            "{text:?}: {}",
            said(&refused)
        );
    }
    std::fs::write(&path, vec![b'#'; 2 << 20]).expect("written");
    assert!(said(&seawall(&["node", "--config", name])).contains("allowed 1048576"));
    std::fs::write(&path, [0xff, 0xfe]).expect("written");
    assert_eq!(seawall(&["node", "--config", name]).status.code(), Some(74));
    assert_eq!(seawall(&["node", "--config", home.path().to_str().expect("a plain name")]).status.code(), Some(74));
}
