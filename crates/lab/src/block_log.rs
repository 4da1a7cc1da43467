//! A recorded run: the genesis and every block, each with the root after it, in one compressed file that can be replayed.
//!
//! ```text
//! zstd stream of
//!   magic    8 bytes  "SEAWALL\0"
//!   version  u16 LE   2
//!   genesis  u32 LE length, borsh
//!   root     32 bytes
//!   block    u32 LE length, borsh   ┐ once a block
//!   root     32 bytes               ┘
//!   end      u32 LE   0
//!   blocks   u64 LE   how many there are
//! ```
//!
//! A log without its end was cut short: it is refused, after the blocks that are there were applied.

use clearing::Engine;
use clearing::command::Block;
use clearing::engine::{BlockError, Genesis};
use clearing::event::Receipt;
use std::io::{self, BufReader, BufWriter, Read, Write};

const MAGIC: [u8; 8] = *b"SEAWALL\0";
const VERSION: u16 = 2;
/// A length that no block has: nothing follows but the number of blocks.
const END: u32 = 0;
/// Longest encoded block that is read.
const MAX_BLOCK_BYTES: u32 = 256 << 20;

/// Writes a run as it happens.
pub struct BlockLogWriter<W: Write> {
    out: zstd::Encoder<'static, BufWriter<W>>,
    blocks: u64,
    failed: Option<io::Error>,
}

impl<W: Write> BlockLogWriter<W> {
    /// Begins a log.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { out: zstd::Encoder::new(BufWriter::new(out), 3)?, blocks: 0, failed: None })
    }

    /// Writes the start of the run and the root that it has. An error is kept and returned by [`BlockLogWriter::finish`].
    pub fn genesis(&mut self, genesis: &Genesis, root: &[u8; 32]) {
        self.attempt(|out| {
            out.write_all(&MAGIC)?;
            out.write_all(&VERSION.to_le_bytes())?;
            write_sized(out, genesis)?;
            out.write_all(root)
        });
    }

    /// Writes a block and the root after it. An error is kept and returned by [`BlockLogWriter::finish`].
    pub fn block(&mut self, block: &Block, receipt: &Receipt) {
        self.blocks += 1;
        self.attempt(|out| {
            write_sized(out, block)?;
            out.write_all(&receipt.root)
        });
    }

    /// Ends the log.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self) -> io::Result<()> {
        let blocks = self.blocks;
        self.attempt(|out| {
            out.write_all(&END.to_le_bytes())?;
            out.write_all(&blocks.to_le_bytes())
        });
        match self.failed {
            Some(error) => Err(error),
            None => self.out.finish()?.flush(),
        }
    }

    fn attempt(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(&mut self.out).err();
        }
    }
}

fn write_sized<T: borsh::BorshSerialize>(out: &mut dyn Write, value: &T) -> io::Result<()> {
    let bytes = borsh::to_vec(value)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes)
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum BlockLogError {
    /// Not a log.
    #[error("not a block log: found {found:02x?} as its first bytes, allowed {MAGIC:02x?}")]
    Magic {
        /// What was found.
        found: [u8; 8],
    },
    /// A format from the future.
    #[error("block log version not known: found {found}, allowed {VERSION}")]
    Version {
        /// What was found.
        found: u16,
    },
    /// The file ends in the middle of something, or cannot be decompressed.
    #[error("block log broken after block {after}: {source}")]
    Broken {
        /// The last whole block.
        after: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The end of the log does not fit what is before it.
    #[error(
        "block log broken after block {after}: found {found} as its number of blocks or bytes behind it, allowed {after}"
    )]
    End {
        /// The last block.
        after: u64,
        /// The number of blocks that the end tells.
        found: u64,
    },
    /// A length that no block has.
    #[error("block log broken after block {after}: found a block of {found} bytes, allowed {MAX_BLOCK_BYTES}")]
    TooLong {
        /// The last whole block.
        after: u64,
        /// What was found.
        found: u32,
    },
    /// A block that cannot come next.
    #[error("block {height} cannot be applied: {source}")]
    Refused {
        /// Its height.
        height: u64,
        /// Why.
        source: BlockError,
    },
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Blocks applied.
    pub blocks: u64,
    /// Commands in them.
    pub commands: u64,
    /// The root after the last of them.
    pub root: [u8; 32],
    /// The first block after which the root differed from the recorded one, with what was recorded and what was found;
    /// block 0 is the genesis.
    pub divergence: Option<Divergence>,
}

/// Two roots that should be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The block's height.
    pub height: u64,
    /// What the log says.
    pub recorded: [u8; 32],
    /// What applying the block gave.
    pub found: [u8; 32],
}

/// Applies a recorded run again, to its end or to the first root that differs.
///
/// # Errors
/// [`BlockLogError`] says what is wrong with the file, and after which block.
pub fn replay(log: impl Read, progress: impl FnMut(&Block)) -> Result<Replay, BlockLogError> {
    replay_to(log, u64::MAX, progress).map(|(replay, _)| replay)
}

/// Applies a recorded run again up to a height, to its end or to the first root that differs; answers the engine as it then is. What
/// comes after the height is not read.
///
/// # Errors
/// [`BlockLogError`] says what is wrong with the file, and after which block.
pub fn replay_to(
    log: impl Read,
    height: u64,
    mut progress: impl FnMut(&Block),
) -> Result<(Replay, Engine), BlockLogError> {
    let broken = |after: u64| move |source: io::Error| BlockLogError::Broken { after, source };
    let mut input = BufReader::new(zstd::Decoder::new(log).map_err(broken(0))?);
    read_header(&mut input)?;
    let genesis: Genesis = read_sized(&mut input, 0)?.ok_or_else(|| broken(0)(io::ErrorKind::UnexpectedEof.into()))?;
    let mut engine = Engine::new(&genesis);
    let mut replay = Replay { blocks: 0, commands: 0, root: engine.root(), divergence: None };
    replay.compare(0, read_array(&mut input).map_err(broken(0))?);
    while replay.divergence.is_none() && engine.height() < height {
        let Some(block) = read_sized::<Block>(&mut input, engine.height())? else {
            read_end(&mut input, engine.height())?;
            break;
        };
        let recorded = read_array(&mut input).map_err(broken(engine.height()))?;
        engine.check(&block).map_err(|source| BlockLogError::Refused { height: block.height, source })?;
        replay.root = engine.apply(&block).root;
        replay.blocks += 1;
        replay.commands += block.commands.len() as u64;
        replay.compare(block.height, recorded);
        progress(&block);
    }
    Ok((replay, engine))
}

impl Replay {
    fn compare(&mut self, height: u64, recorded: [u8; 32]) {
        if self.root != recorded {
            self.divergence = Some(Divergence { height, recorded, found: self.root });
        }
    }
}

fn read_header(input: &mut impl Read) -> Result<(), BlockLogError> {
    let broken = |source| BlockLogError::Broken { after: 0, source };
    let found = read_array(input).map_err(broken)?;
    if found != MAGIC {
        return Err(BlockLogError::Magic { found });
    }
    let found = u16::from_le_bytes(read_array(input).map_err(broken)?);
    if found == VERSION { Ok(()) } else { Err(BlockLogError::Version { found }) }
}

/// The number of blocks, behind which nothing stands.
fn read_end(input: &mut impl Read, after: u64) -> Result<(), BlockLogError> {
    let broken = |source| BlockLogError::Broken { after, source };
    let found = u64::from_le_bytes(read_array(input).map_err(broken)?);
    let more = input.read(&mut [0]).map_err(broken)?;
    if found == after && more == 0 { Ok(()) } else { Err(BlockLogError::End { after, found }) }
}

/// The next value, or None where its length is [`END`].
fn read_sized<T: borsh::BorshDeserialize>(input: &mut impl Read, after: u64) -> Result<Option<T>, BlockLogError> {
    let broken = |source| BlockLogError::Broken { after, source };
    let found = u32::from_le_bytes(read_array(input).map_err(broken)?);
    if found == END {
        return Ok(None);
    }
    if found > MAX_BLOCK_BYTES {
        return Err(BlockLogError::TooLong { after, found });
    }
    // Read only as much as is there: a length that lies does not reserve memory.
    let mut bytes = Vec::new();
    input.take(u64::from(found)).read_to_end(&mut bytes).map_err(broken)?;
    borsh::from_slice(&bytes).map(Some).map_err(broken)
}

fn read_array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map(|()| bytes)
}
