//! Decides how blocks leave a journal for other programs: one file, front to back, nothing to look up.
//!
//! ```text
//! SEAWBLKS │ 2  version │ 8  length of the genesis │ …  the genesis                             integers little-endian
//! then each block:  1  one │ 8  height │ 32  root │ 4  length │ …  certificate │ 8  length │ …  block
//! and the end:      1  zero │ 32  chain after the last block, if the export began with the first; else zeros
//! ```

use crate::entry::Entry;
use crate::error::JournalError;
use crate::journal::Journal;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::Path;

/// The format version of an export.
pub const EXPORT_VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"SEAWBLKS";
const BLOCK: u8 = 1;
const END: u8 = 0;

impl Journal {
    /// Writes the blocks of these heights, as far as there are any, and answers how many. Errors of the writer name `out`.
    ///
    /// # Errors
    /// If a block is damaged, or the writer refuses.
    pub fn export(
        &self,
        heights: RangeInclusive<u64>,
        writer: &mut impl Write,
        out: &Path,
    ) -> Result<u64, JournalError> {
        let mut header = || -> std::io::Result<()> {
            writer.write_all(MAGIC)?;
            writer.write_all(&EXPORT_VERSION.to_le_bytes())?;
            writer.write_all(&(self.genesis().len() as u64).to_le_bytes())?;
            writer.write_all(self.genesis())
        };
        header().map_err(JournalError::io(out))?;
        let from_the_first = *heights.start() <= 1;
        let (mut count, mut chain) = (0, crate::entry::chain_of_genesis(self.genesis()));
        for entry in self.blocks(*heights.start()) {
            let entry = entry?;
            if entry.height > *heights.end() {
                break;
            }
            chain = entry.chain(&chain);
            write_block(writer, &entry).map_err(JournalError::io(out))?;
            count += 1;
        }
        let chain = if from_the_first { chain } else { [0; 32] };
        let end = writer.write_all(&[END]).and_then(|()| writer.write_all(&chain)).and_then(|()| writer.flush());
        end.map_err(JournalError::io(out))?;
        Ok(count)
    }
}

fn write_block(writer: &mut impl Write, entry: &Entry) -> std::io::Result<()> {
    writer.write_all(&[BLOCK])?;
    writer.write_all(&entry.height.to_le_bytes())?;
    writer.write_all(&entry.root)?;
    writer.write_all(&(entry.certificate.len() as u32).to_le_bytes())?;
    writer.write_all(&entry.certificate)?;
    writer.write_all(&(entry.block.len() as u64).to_le_bytes())?;
    writer.write_all(&entry.block)
}
