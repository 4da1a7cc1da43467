//! Which files the house rules look at: every text file of the repository that `.gitignore` does not name.

use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::{fs, io, path::Path};

/// Longest text file that is read, in bytes. What is longer is data, and data has no style.
const MAX_BYTES: u64 = 4 << 20;

/// The text files of the repository by path, relative to its root and with forward slashes.
#[derive(Debug, Default)]
pub struct Tree {
    texts: BTreeMap<String, String>,
    sources: BTreeMap<String, Source>,
    test_files: BTreeSet<String>,
}

impl Tree {
    /// Reads the repository at `root`. Files that are not UTF-8 or are longer than 4 MiB are left out.
    ///
    /// # Errors
    /// When a folder or a file cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let ignored = Ignored::parse(&fs::read_to_string(root.join(".gitignore")).unwrap_or_default());
        let mut texts = BTreeMap::new();
        walk(root, "", &ignored, &mut texts)?;
        Ok(Self::from_texts(texts))
    }

    /// A tree made of the given paths and texts.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self::from_texts(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn from_texts(texts: BTreeMap<String, String>) -> Self {
        let sources: BTreeMap<String, Source> = texts
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.clone(), Source::read(text)))
            .collect();
        let test_files = sources.keys().filter(|path| is_test_file(path, &sources)).cloned().collect();
        Self { texts, sources, test_files }
    }

    /// The text of a file.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every text file.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Every Rust file.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// Every Rust file under `crates/*/src`.
    pub fn crate_sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.rust().filter(|(path, _)| inside_crate(path).is_some_and(|rest| rest.starts_with("src/")))
    }

    /// Whether line `line` (from 1) of a Rust file is compiled for tests only.
    #[must_use]
    pub fn is_test_line(&self, path: &str, line: usize) -> bool {
        self.test_files.contains(path) || self.sources.get(path).is_some_and(|source| source.is_test_line(line))
    }

    /// The names of the folders in `crates/`.
    #[must_use]
    pub fn crate_folders(&self) -> BTreeSet<&str> {
        self.texts
            .keys()
            .filter_map(|path| path.strip_prefix("crates/")?.split_once('/').map(|(name, _)| name))
            .collect()
    }
}

/// The path inside the crate's folder: `src/lib.rs` of `crates/lab/src/lib.rs`.
pub(crate) fn inside_crate(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split_once('/').map(|(_, rest)| rest)
}

/// Whether the file, or a folder it lies in, is not shipped: it lies outside `src/` of its crate, as tests, benches and fuzz
/// targets do, or its parent declares it under `#[cfg(test)]`.
fn is_test_file(path: &str, sources: &BTreeMap<String, Source>) -> bool {
    if inside_crate(path).is_some_and(|rest| !rest.starts_with("src/")) {
        return true;
    }
    // The root of a crate has no parent, and every other file has one that is nearer to a root: the recursion ends.
    if path.ends_with("/lib.rs") || path.ends_with("/main.rs") {
        return false;
    }
    let stem = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let Some((folder, module)) = stem.rsplit_once('/') else { return false };
    let parents =
        [format!("{folder}/lib.rs"), format!("{folder}/main.rs"), format!("{folder}/mod.rs"), format!("{folder}.rs")];
    parents.iter().filter(|parent| *parent != path).any(|parent| {
        let Some(source) = sources.get(parent) else { return false };
        source.test_modules().any(|name| name == module) || is_test_file(parent, sources)
    })
}

fn walk(root: &Path, folder: &str, ignored: &Ignored, texts: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if ignored.covers(&path, &name) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, ignored, texts)?;
        } else if kind.is_file()
            && entry.metadata()?.len() <= MAX_BYTES
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            texts.insert(path, text);
        }
    }
    Ok(())
}

/// The three forms of `.gitignore` lines that this repository uses: `/path`, `name` and `*.ending`.
struct Ignored {
    paths: Vec<String>,
    names: Vec<String>,
    endings: Vec<String>,
}

impl Ignored {
    fn parse(text: &str) -> Self {
        let mut ignored = Self { paths: Vec::new(), names: vec![".git".to_owned()], endings: Vec::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let line = line.trim_end_matches('/');
            if let Some(ending) = line.strip_prefix('*') {
                ignored.endings.push(ending.to_owned());
            } else if line.contains('/') {
                ignored.paths.push(line.trim_start_matches('/').to_owned());
            } else {
                ignored.names.push(line.to_owned());
            }
        }
        ignored
    }

    fn covers(&self, path: &str, name: &str) -> bool {
        self.paths.iter().any(|ignored| ignored == path)
            || self.names.iter().any(|ignored| ignored == name)
            || self.endings.iter().any(|ending| name.ends_with(ending.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitignore_lines_cover_root_paths_names_and_endings() {
        let ignored = Ignored::parse("# build\n/target\nnode_modules/\n*.log.bin\n");
        assert!(ignored.covers("target", "target"));
        assert!(!ignored.covers("crates/lab/target", "target"), "a leading slash means the root");
        assert!(ignored.covers("dashboard/node_modules", "node_modules"));
        assert!(ignored.covers("a/b.log.bin", "b.log.bin"));
        assert!(ignored.covers(".git", ".git"));
        assert!(!ignored.covers("src", "src"));
    }

    #[test]
    fn a_module_declared_for_tests_is_a_test_file_with_all_below_it() {
        let tree = Tree::of(&[
            ("crates/lab/src/lib.rs", "//! Lab.\npub mod book;\n#[cfg(test)]\nmod samples;\n"),
            ("crates/lab/src/main.rs", "//! A root beside a root.\n"),
            ("crates/lab/src/book.rs", "//! Book.\n"),
            ("crates/lab/src/samples.rs", "//! Samples.\nmod deep;\n"),
            ("crates/lab/src/samples/deep.rs", "//! Deep.\n"),
            ("crates/lab/tests/run.rs", "//! Run.\n"),
            ("crates/lab/fuzz/target.rs", "//! Target.\n"),
        ]);
        assert!(!tree.is_test_line("crates/lab/src/lib.rs", 1));
        assert!(!tree.is_test_line("crates/lab/src/book.rs", 1));
        assert!(tree.is_test_line("crates/lab/src/samples.rs", 1));
        assert!(tree.is_test_line("crates/lab/src/samples/deep.rs", 1));
        assert!(tree.is_test_line("crates/lab/tests/run.rs", 1));
        assert!(tree.is_test_line("crates/lab/fuzz/target.rs", 1));
        assert_eq!(tree.crate_folders().into_iter().collect::<Vec<_>>(), ["lab"]);
    }

    #[test]
    fn a_tree_on_disk_is_read_without_what_git_ignores() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        fs::create_dir_all(root.join("a/target"))?;
        fs::create_dir_all(root.join("out"))?;
        fs::write(root.join(".gitignore"), "/out\n")?;
        fs::write(root.join("out/x.txt"), "x")?;
        fs::write(root.join("a/y.txt"), "y")?;
        fs::write(root.join("a/z.bin"), [0xff, 0xfe])?;
        let tree = Tree::read(&root);
        fs::remove_dir_all(&root)?;
        let paths: Vec<String> = tree?.texts().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(paths, [".gitignore", "a/y.txt"]);
        Ok(())
    }
}
