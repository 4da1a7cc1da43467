//! The program on a bad disk: full, damaged, somebody else's. It says what is wrong and with which code, and what it acknowledged is there
//! once the disk is well again.

mod running;

use authority::Request;
use clearing::command::Command;
use clearing::table::PoolId;
use client::{Client, ClientError};
use running::{Node, init, offices};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};
use tempfile::tempdir;

/// Starts a node and waits until it either listens, and is killed, or has ended: whether it listened, its exit code and what it said.
fn attempt(folder: &Path) -> (bool, Option<i32>, String) {
    let mut command = Process::new(env!("CARGO_BIN_EXE_seawall"));
    command.args(["node", "--listen", "127.0.0.1:0", "--config"]).arg(folder.join("node.toml"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the node starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line or the end");
    let listens = line.contains("http://");
    if listens {
        child.kill().expect("killed");
    }
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    let code = child.wait().expect("it has ended").code();
    (listens, code, said)
}

/// A command that changes nothing and is kept all the same; what became of it.
async fn ping(node: &Client, folder: &Path) -> Result<Option<u64>, ClientError> {
    let domain = node.domain().await?;
    let now = node.now().await?;
    let mut custodian = offices(folder).custodian;
    let envelope = custodian.sign(&domain, now, Request::Act(Command::OpenAccount { pool: PoolId(9) }))?;
    Ok(node.submit(&[envelope]).await?[0].height)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_stops_the_node_and_loses_nothing_that_it_said() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    // The shell's limit on the size of files stands for a full disk: writes fail in the same place. 8 MiB, in units of 512 or 1,024 bytes.
    let script = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" node --listen 127.0.0.1:0 --config \"$1\"";
    let mut shell = Process::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_seawall")]).arg(folder.join("node.toml"));
    let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the node starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    let node = Client::new(&format!("http://{address}")).expect("an address");
    let domain = node.domain().await.expect("a domain");
    let mut custodian = offices(&folder).custodian;
    let mut last = 0;
    // Full requests, until one is not answered. 8 MiB hold far fewer than these.
    for _ in 0..400 {
        let Ok(now) = node.now().await else { break };
        let act = |_| custodian.sign(&domain, now, Request::Act(Command::OpenAccount { pool: PoolId(9) }));
        let envelopes: Vec<_> = (0..200).map(act).collect::<Result<_, _>>().expect("signed");
        match node.submit(&envelopes).await {
            Ok(answers) => last = answers[0].height.expect("in a block"),
            Err(ClientError::NotReachable(_)) => break,
            Err(other) => panic!("nothing else goes wrong: {other}"),
        }
    }
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it has ended").code(), Some(74), "{said}");
    assert!(said.contains("journal.redb"), "it names the file: {said}");
    assert!(last > 0, "some were acknowledged before");
    // There is room again: what was acknowledged is there, and the node goes on.
    let node = Node::start(&folder);
    let client = Client::new(&node.url()).expect("an address");
    let height = client.status().await.expect("a status").height;
    assert!(height >= last, "acknowledged in block {last}, came back to {height}");
    assert!(ping(&client, &folder).await.expect("answered") > Some(last));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_files_are_named_or_come_back_whole() {
    let home = tempdir().expect("a directory");
    let folder = home.path().join("venue");
    init(&folder);
    let mut node = Node::start(&folder);
    let client = Client::new(&node.url()).expect("an address");
    for _ in 0..5 {
        ping(&client, &folder).await.expect("answered");
    }
    // A second node does not touch what the first one holds.
    let (listened, code, said) = attempt(&folder);
    assert_eq!((listened, code), (false, Some(74)), "{said}");
    assert!(said.contains("in use"), "{said}");
    let asked = Process::new("kill").args(["-TERM", &node.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert_eq!(node.ended(), Some(0));

    let journal = folder.join("data/journal.redb");
    let whole = std::fs::read(&journal).expect("read");
    let snapshots: Vec<_> = std::fs::read_dir(folder.join("data/snapshots")).expect("read").flatten().collect();
    assert!(!snapshots.is_empty(), "it left a snapshot");
    let check = |what: String| {
        let (listened, code, said) = attempt(&folder);
        // It runs, or it says why not with the code for damaged data. (The storage layer panics over some pages; that is caught, and an error.)
        assert!(listened || code == Some(65), "{what}: {code:?} {said}");
        assert!(listened || said.contains("error: journal"), "{what}: {said}");
        listened
    };
    let mut refused = 0;
    for part in 0..8 {
        let length = whole.len() * part / 8;
        std::fs::write(&journal, &whole[..length]).expect("written");
        refused += u32::from(!check(format!("the first {length} bytes")));
    }
    assert!(refused > 0, "a journal without its second half is refused");
    for part in 0..24 {
        let mut flipped = whole.clone();
        let at = whole.len() * part / 24 + 17;
        flipped[at] ^= 1 << (part % 8);
        std::fs::write(&journal, &flipped).expect("written");
        check(format!("a bit of byte {at}"));
    }
    std::fs::write(&journal, &whole).expect("written");
    for snapshot in &snapshots {
        let mut bytes = std::fs::read(snapshot.path()).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(snapshot.path(), &bytes).expect("written");
        assert!(check("a bit of a snapshot".to_owned()), "the journal serves without it");
        bytes.truncate(middle);
        std::fs::write(snapshot.path(), &bytes).expect("written");
        assert!(check("half a snapshot".to_owned()), "the journal serves without it");
    }
    std::fs::write(&journal, b"something else").expect("written");
    assert!(!check("something else".to_owned()));
    std::fs::remove_file(&journal).expect("removed");
    let (listened, code, said) = attempt(&folder);
    assert_eq!((listened, code), (false, Some(65)), "{said}");
    assert!(said.contains("no journal"), "{said}");
    std::fs::create_dir(&journal).expect("a directory in its place");
    let (listened, code, said) = attempt(&folder);
    assert!(!listened && matches!(code, Some(65 | 74)) && !said.contains("panicked"), "{code:?} {said}");
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_with_its_name() {
    let home = tempdir().expect("a directory");
    let file = home.path().join("file");
    std::fs::write(&file, b"").expect("written");
    // A file where a directory should be cannot be written into by anybody, the superuser included.
    let inside = file.join("venue");
    let output: Output = running::seawall(&["init", inside.to_str().expect("a plain name")]);
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("venue"), "{output:?}");
    let folder = home.path().join("venue");
    init(&folder);
    std::fs::remove_dir_all(folder.join("data")).expect("removed");
    std::fs::write(folder.join("data"), b"").expect("written");
    let (listened, code, said) = attempt(&folder);
    assert!(!listened && matches!(code, Some(65 | 74)), "{code:?} {said}");
    assert!(said.contains("data") && !said.contains("panicked"), "{said}");
}
