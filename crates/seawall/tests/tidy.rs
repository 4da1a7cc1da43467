//! The house rules hold, as part of the ordinary test command: `cargo xtask tidy` shows the same findings.

use std::path::Path;

#[test]
fn the_house_rules_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = xtask::tree::Tree::read(&root).expect("the repository can be read");
    let findings: Vec<String> = xtask::tidy(&tree).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}\n{} findings", findings.join("\n"), findings.len());
}
