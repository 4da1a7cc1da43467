//! A recorded run: the genesis, then every block with the root after it, in one compressed file that can be replayed.
//!
//! ```text
//! zstd stream of
//!   magic    8 bytes  "SEAWALL\0"
//!   version  u16 LE   1
//!   genesis  u32 LE length, borsh
//!   block    u32 LE length, borsh   ┐ repeated until the stream ends
//!   root     32 bytes               ┘
//! ```

use clearing::Engine;
use clearing::command::Block;
use clearing::engine::{BlockError, Genesis};
use clearing::event::Receipt;
use std::io::{self, BufReader, BufWriter, Read, Write};

const MAGIC: [u8; 8] = *b"SEAWALL\0";
const VERSION: u16 = 1;
/// Longest encoded block that is read.
const MAX_BLOCK_BYTES: u32 = 256 << 20;

/// Writes a run as it happens.
pub struct BlockLogWriter<W: Write> {
    out: zstd::Encoder<'static, BufWriter<W>>,
    failed: Option<io::Error>,
}

impl<W: Write> BlockLogWriter<W> {
    /// Begins a log.
    ///
    /// # Errors
    /// If the compressor cannot be set up.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { out: zstd::Encoder::new(BufWriter::new(out), 3)?, failed: None })
    }

    /// Writes the start of the run. An error is kept and returned by [`BlockLogWriter::finish`].
    pub fn genesis(&mut self, genesis: &Genesis) {
        self.attempt(|out| {
            out.write_all(&MAGIC)?;
            out.write_all(&VERSION.to_le_bytes())?;
            write_sized(out, genesis)
        });
    }

    /// Writes a block and the root after it. An error is kept and returned by [`BlockLogWriter::finish`].
    pub fn block(&mut self, block: &Block, receipt: &Receipt) {
        self.attempt(|out| {
            write_sized(out, block)?;
            out.write_all(&receipt.root)
        });
    }

    /// Ends the log.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(self) -> io::Result<()> {
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
    /// The first block after which the root differed from the recorded one, with what was recorded and what was found.
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
pub fn replay(log: impl Read, mut progress: impl FnMut(&Block)) -> Result<Replay, BlockLogError> {
    let broken = |after: u64| move |source: io::Error| BlockLogError::Broken { after, source };
    let mut input = BufReader::new(zstd::Decoder::new(log).map_err(broken(0))?);
    read_header(&mut input)?;
    let genesis: Genesis = read_sized(&mut input, 0)?.ok_or_else(|| broken(0)(io::ErrorKind::UnexpectedEof.into()))?;
    let mut engine = Engine::new(&genesis);
    let mut replay = Replay { blocks: 0, commands: 0, root: engine.root(), divergence: None };
    while let Some(block) = read_sized::<Block>(&mut input, engine.height())? {
        let mut recorded = [0; 32];
        input.read_exact(&mut recorded).map_err(broken(engine.height()))?;
        engine.check(&block).map_err(|source| BlockLogError::Refused { height: block.height, source })?;
        let receipt = engine.apply(&block);
        replay.blocks += 1;
        replay.commands += block.commands.len() as u64;
        replay.root = receipt.root;
        progress(&block);
        if receipt.root != recorded {
            replay.divergence = Some(Divergence { height: block.height, recorded, found: receipt.root });
            break;
        }
    }
    Ok(replay)
}

fn read_header(input: &mut impl Read) -> Result<(), BlockLogError> {
    let broken = |source| BlockLogError::Broken { after: 0, source };
    let mut found = [0; 8];
    input.read_exact(&mut found).map_err(broken)?;
    if found != MAGIC {
        return Err(BlockLogError::Magic { found });
    }
    let mut version = [0; 2];
    input.read_exact(&mut version).map_err(broken)?;
    let found = u16::from_le_bytes(version);
    if found == VERSION { Ok(()) } else { Err(BlockLogError::Version { found }) }
}

/// The next value, or None at the end of the log.
fn read_sized<T: borsh::BorshDeserialize>(input: &mut impl Read, after: u64) -> Result<Option<T>, BlockLogError> {
    let broken = |source| BlockLogError::Broken { after, source };
    let mut length = [0; 4];
    let first = input.read(&mut length[..1]).map_err(broken)?;
    if first == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..]).map_err(broken)?;
    let found = u32::from_le_bytes(length);
    if found > MAX_BLOCK_BYTES {
        return Err(BlockLogError::TooLong { after, found });
    }
    // Read only as much as is there: a length that lies does not reserve memory.
    let mut bytes = Vec::new();
    input.take(u64::from(found)).read_to_end(&mut bytes).map_err(broken)?;
    borsh::from_slice(&bytes).map(Some).map_err(broken)
}
