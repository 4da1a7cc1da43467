//! Decides how a snapshot stands on the disk, and which one a node starts from.
//!
//! ```text
//! SEAWSNAP │ 2  version │ 8  height │ 32  root │ 8  length │ 32  sum │ …  the snapshot          integers little-endian
//!
//! sum = Keccak-256(3 ‖ height ‖ root ‖ length ‖ the snapshot)
//! ```
//! A file is written under another name, made durable and only then given its own, so that a snapshot is there as a whole or not at
//! all.

use crate::entry::{Hash, hash};
use crate::error::JournalError;
use crate::store::sync_directory;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"SEAWSNAP";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 8 + 2 + 8 + 32 + 8 + 32;
const SUM: u8 = 3;
const FOLDER: &str = "snapshots";
const ENDING: &str = "snapshot";

/// The snapshots of a journal. Any number of handles may read; one at a time may write.
#[derive(Clone, Debug)]
pub struct Snapshots {
    directory: PathBuf,
}

/// A state as bytes, and the block after which it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The height of the last block in it.
    pub height: u64,
    /// The state root.
    pub root: Hash,
    /// The state.
    pub bytes: Vec<u8>,
}

/// A file that is no whole snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Snapshots {
    pub(crate) fn of(journal: &Path) -> Self {
        Self { directory: journal.join(FOLDER) }
    }

    /// Writes a snapshot durably.
    ///
    /// # Errors
    /// If the disk refuses: then there is no file of this name, or the one that was there before.
    pub fn write(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        std::fs::create_dir_all(&self.directory).map_err(JournalError::io(&self.directory))?;
        let path = self.directory.join(format!("{:020}.{ENDING}", snapshot.height));
        let unfinished = path.with_extension("new");
        let written = write_file(&unfinished, snapshot).and_then(|()| std::fs::rename(&unfinished, &path));
        written.map_err(|source| {
            // What could not be written is of no use to anybody; if it cannot be removed either, the next write replaces it.
            _ = std::fs::remove_file(&unfinished);
            JournalError::Io { path, source }
        })?;
        sync_directory(&self.directory)
    }

    /// The newest whole snapshot that is not newer than a height, and the newer files that are damaged.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn newest(&self, up_to: u64) -> Result<(Option<Snapshot>, Vec<Damaged>), JournalError> {
        let mut damaged = Vec::new();
        for (height, path) in self.files()?.into_iter().rev().filter(|(height, _)| *height <= up_to) {
            match read_file(&path, height).map_err(JournalError::io(&path))? {
                Ok(snapshot) => return Ok((Some(snapshot), damaged)),
                Err(what) => damaged.push(Damaged { path, what }),
            }
        }
        Ok((None, damaged))
    }

    /// Removes all but the newest few. Returns how many were removed.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep(&self, newest: usize) -> Result<usize, JournalError> {
        let files = self.files()?;
        let old = files.len().saturating_sub(newest);
        for (_, path) in files.into_iter().take(old) {
            std::fs::remove_file(&path).map_err(JournalError::io(&path))?;
        }
        Ok(old)
    }

    /// Every file with the name of a snapshot, by height.
    pub(crate) fn files(&self) -> Result<Vec<(u64, PathBuf)>, JournalError> {
        if !self.directory.exists() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for found in std::fs::read_dir(&self.directory).map_err(JournalError::io(&self.directory))? {
            let path = found.map_err(JournalError::io(&self.directory))?.path();
            let is_named = path.extension().is_some_and(|ending| ending == ENDING);
            let height = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            files.extend(height.filter(|_| is_named).map(|height| (height, path)));
        }
        files.sort_unstable();
        Ok(files)
    }
}

fn sum_of(height: u64, root: &Hash, bytes: &[u8]) -> Hash {
    hash(SUM, &[&height.to_le_bytes(), root, &(bytes.len() as u64).to_le_bytes(), bytes])
}

fn write_file(path: &Path, snapshot: &Snapshot) -> std::io::Result<()> {
    let Snapshot { height, root, bytes } = snapshot;
    let mut file = File::create(path)?;
    file.write_all(MAGIC)?;
    file.write_all(&VERSION.to_le_bytes())?;
    file.write_all(&height.to_le_bytes())?;
    file.write_all(root)?;
    file.write_all(&(bytes.len() as u64).to_le_bytes())?;
    file.write_all(&sum_of(*height, root, bytes))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The snapshot in a file, or what is wrong with it.
pub(crate) fn read_file(path: &Path, named: u64) -> std::io::Result<Result<Snapshot, &'static str>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = [0; HEADER_BYTES];
    if length < HEADER_BYTES as u64 {
        return Ok(Err("it is shorter than the header of a snapshot"));
    }
    file.read_exact(&mut header)?;
    let header = match Header::read(&header) {
        Ok(header) => header,
        Err(what) => return Ok(Err(what)),
    };
    // What a header claims is never more than the file has, so that it cannot ask for memory.
    if header.height != named || header.length != length - HEADER_BYTES as u64 {
        return Ok(Err("its height or length is not what its name or size says"));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if sum_of(header.height, &header.root, &bytes) != header.sum {
        return Ok(Err("its bytes are not what was written"));
    }
    Ok(Ok(Snapshot { height: header.height, root: header.root, bytes }))
}

struct Header {
    height: u64,
    root: Hash,
    length: u64,
    sum: Hash,
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Result<Self, &'static str> {
        const SHORT: &str = "it is shorter than the header of a snapshot";
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(SHORT)?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let (height, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (root, rest) = rest.split_first_chunk::<32>().ok_or(SHORT)?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let (sum, _) = rest.split_first_chunk::<32>().ok_or(SHORT)?;
        if magic != MAGIC {
            return Err("it is no snapshot");
        }
        if u16::from_le_bytes(*version) != VERSION {
            return Err("its version is not known");
        }
        let (height, length) = (u64::from_le_bytes(*height), u64::from_le_bytes(*length));
        Ok(Self { height, root: *root, length, sum: *sum })
    }
}
