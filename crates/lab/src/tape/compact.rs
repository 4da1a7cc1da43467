//! Decides every byte of a compact recording (drawn in `drills/october-2025/PATH.md`) and refuses bytes that are not one.
//!
//! The reader trusts nothing: decompression stops at [`LARGEST_CONTENT`], no count is believed beyond the bytes that are left, and
//! every integer is checked before it becomes a price.

use std::io::Read;

use super::recording::{
    Bar, DepthSnapshot, LONGEST_BAR_MS, MOST_DECIMALS, MarketKind, POWERS, Recording, Series, TapeError, Traded, Window,
};

const MAGIC: &[u8; 8] = b"SEAWTAPE";
const VERSION: u16 = 1;
/// Most bytes of decompressed content that a reader accepts: fifty times what the first drill needs.
const LARGEST_CONTENT: u64 = 16 << 20;
/// Largest decompression window, as a power of two: what a frame of at most [`LARGEST_CONTENT`] bytes can need.
const WINDOW_LOG: u32 = 24;
/// Strongest level that needs no special decoder memory.
const LEVEL: i32 = 19;
/// Longest window, milliseconds: a day.
const LONGEST_WINDOW_MS: i64 = 86_400_000;
/// Largest price in ticks and largest depth in dollars: the range in which a float holds every integer.
const LARGEST_INTEGER: i64 = 1 << 53;
/// Fewest bytes of a bar: one in each of eight columns.
const LEAST_BAR_BYTES: usize = 8;
/// Fewest bytes of a depth snapshot: one in each of seven columns.
const LEAST_DEPTH_BYTES: usize = 7;
/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 8;

impl Recording {
    /// The compact encoding. Volumes are rounded to three digits and depth to a dollar; everything else is exact.
    ///
    /// # Errors
    /// A price off its series' tick, a bar out of order or outside the window, a name longer than 255 bytes.
    pub fn write_compact(&self) -> Result<Vec<u8>, TapeError> {
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.window.from_ms.to_le_bytes());
        out.extend_from_slice(&self.window.until_ms.to_le_bytes());
        put_varint(&mut out, self.series.len() as u64);
        for series in &self.series {
            write_series(&mut out, series, self.window)?;
        }
        write_depth(&mut out, &self.depth, self.window);
        let sum = checksum(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        zstd::stream::encode_all(out.as_slice(), LEVEL)
            .map_err(|_| TapeError::Unwritable { what: "the recording".to_owned(), problem: "compression failed" })
    }

    /// Reads a compact encoding; hostile bytes give an error, never a panic and never more memory than a few tens of megabytes.
    ///
    /// # Errors
    /// Bytes that are not a compact recording: where in the decompressed content, and what is wrong there.
    pub fn read_compact(bytes: &[u8]) -> Result<Recording, TapeError> {
        let content = decompress(bytes)?;
        let mut cursor = Cursor { bytes: &content, at: 0 };
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err(TapeError::Compact { offset: 0, problem: "does not start with SEAWTAPE" });
        }
        if cursor.array::<2>()? != VERSION.to_le_bytes() {
            return Err(cursor.refuse("a version other than 1"));
        }
        let Some(body) = content.len().checked_sub(CHECKSUM_BYTES).filter(|body| *body >= cursor.at) else {
            return Err(cursor.refuse("ends before its checksum"));
        };
        if content[body..] != checksum(&content[..body]).to_le_bytes() {
            return Err(TapeError::Compact { offset: body, problem: "the checksum does not fit the content" });
        }
        cursor.bytes = &content[..body];
        read_body(&mut cursor)
    }
}

/// A volume to three digits, the precision of the compact encoding.
pub(super) fn round_volume(volume: f64) -> f64 {
    let (exponent, digits) = split_volume(volume);
    join_volume(exponent, digits)
}

/// A notional to a dollar, the precision of the compact encoding.
pub(super) fn round_usd(usd: f64) -> f64 {
    usd.round()
}

// ------------------------------------------------------------------------------------------------------------- writing

fn write_series(out: &mut Vec<u8>, series: &Series, window: Window) -> Result<(), TapeError> {
    let refuse = |problem| TapeError::Unwritable { what: format!("{} {}", series.venue, series.asset), problem };
    if series.decimals > MOST_DECIMALS || series.venue.len() > 255 || series.asset.len() > 255 {
        return Err(refuse("a name longer than 255 bytes or more than 8 decimals"));
    }
    put_name(out, &series.venue);
    out.push(kind_code(series.kind));
    put_name(out, &series.asset);
    out.push(series.decimals);
    put_varint(out, series.bars.len() as u64);
    let mut columns: [Vec<u8>; 8] = Default::default();
    let mut next_ms = window.from_ms;
    let mut last_close = 0;
    for bar in &series.bars {
        let in_order = bar.open_ms >= next_ms && window.holds(bar.open_ms, bar.length_ms);
        let whole = (bar.open_ms - next_ms) % 1000 == 0 && bar.length_ms % 1000 == 0;
        if !in_order || !whole || !(1000..=LONGEST_BAR_MS).contains(&bar.length_ms) {
            return Err(refuse("a bar out of order, outside the window or not of whole seconds"));
        }
        let ticks = |price| ticks(price, series.decimals).ok_or_else(|| refuse("a price off its tick"));
        let (open, high, low, close) = (ticks(bar.open)?, ticks(bar.high)?, ticks(bar.low)?, ticks(bar.close)?);
        if low < 1 || low > open.min(close) || high < open.max(close) {
            return Err(refuse("a bar whose low or high is inside its open and close"));
        }
        put_varint(&mut columns[0], ((bar.open_ms - next_ms) / 1000) as u64);
        put_varint(&mut columns[1], (bar.length_ms / 1000) as u64);
        put_signed(&mut columns[2], open - last_close);
        put_signed(&mut columns[3], close - open);
        put_varint(&mut columns[4], (high - open.max(close)) as u64);
        put_varint(&mut columns[5], (open.min(close) - low) as u64);
        put_traded(&mut columns[6], bar.traded);
        put_volume(&mut columns[7], bar.volume);
        next_ms = bar.open_ms + bar.length_ms;
        last_close = close;
    }
    columns.iter().for_each(|column| out.extend_from_slice(column));
    Ok(())
}

fn write_depth(out: &mut Vec<u8>, depth: &[DepthSnapshot], window: Window) {
    put_varint(out, depth.len() as u64);
    let mut last_ms = window.from_ms;
    for snapshot in depth {
        put_signed(out, snapshot.at_ms - last_ms);
        last_ms = snapshot.at_ms;
    }
    for column in 0..6 {
        let mut last = 0;
        for snapshot in depth {
            let usd = round_usd(*side(snapshot, column)).clamp(0.0, LARGEST_INTEGER as f64) as i64;
            put_signed(out, usd - last);
            last = usd;
        }
    }
}

/// A snapshot's depth by column: bids within 1 %, 2 %, 5 %, then asks.
fn side(snapshot: &DepthSnapshot, column: usize) -> &f64 {
    if column < 3 { &snapshot.bid_usd[column] } else { &snapshot.ask_usd[column - 3] }
}

fn kind_code(kind: MarketKind) -> u8 {
    match kind {
        MarketKind::Spot => 0,
        MarketKind::Perpetual => 1,
        MarketKind::Mark => 2,
    }
}

/// A price in ticks, if it is on the tick.
fn ticks(price: f64, decimals: u8) -> Option<i64> {
    let scale = POWERS[usize::from(decimals)];
    let ticks = (price * scale).round();
    let fits = ticks > 0.0 && ticks <= LARGEST_INTEGER as f64 && ticks / scale == price;
    fits.then_some(ticks as i64)
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
}

fn put_traded(out: &mut Vec<u8>, traded: Traded) {
    match traded {
        Traded::Unknown => put_varint(out, 0),
        Traded::Trades(count) => {
            put_varint(out, 1);
            put_varint(out, u64::from(count));
        }
        Traded::Seconds(mask) => {
            put_varint(out, 2);
            put_varint(out, mask);
        }
    }
}

fn put_volume(out: &mut Vec<u8>, volume: Option<f64>) {
    let Some(volume) = volume else { return put_varint(out, 0) };
    let (exponent, digits) = split_volume(volume);
    put_varint(out, (exponent + 9) as u64);
    put_varint(out, digits);
}

/// A volume as three digits and a power of ten, −8 to 18.
fn split_volume(volume: f64) -> (i32, u64) {
    (-8..=18)
        .map(|exponent| (exponent, (volume / join_volume(exponent, 1)).round()))
        .find(|(_, digits)| *digits < 1000.0)
        .map_or((18, 999), |(exponent, digits)| (exponent, digits as u64))
}

fn join_volume(exponent: i32, digits: u64) -> f64 {
    let power = POWERS[exponent.unsigned_abs() as usize];
    if exponent < 0 { digits as f64 / power } else { digits as f64 * power }
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// FNV-1a, 64 bits: against damage, not against forgery.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

// ------------------------------------------------------------------------------------------------------------- reading

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, TapeError> {
    let refuse = |problem| TapeError::Compact { offset: 0, problem };
    let mut decoder = zstd::stream::Decoder::new(bytes).map_err(|_| refuse("cannot be decompressed"))?;
    decoder.window_log_max(WINDOW_LOG).map_err(|_| refuse("cannot be decompressed"))?;
    let mut content = Vec::new();
    let read = decoder.take(LARGEST_CONTENT + 1).read_to_end(&mut content);
    read.map_err(|_| refuse("is not a whole zstd stream"))?;
    if content.len() as u64 > LARGEST_CONTENT {
        return Err(refuse("is larger than 16 MiB decompressed"));
    }
    Ok(content)
}

fn read_body(cursor: &mut Cursor<'_>) -> Result<Recording, TapeError> {
    let from_ms = i64::from_le_bytes(cursor.array()?);
    let until_ms = i64::from_le_bytes(cursor.array()?);
    let length = until_ms.checked_sub(from_ms).filter(|length| (1_000..=LONGEST_WINDOW_MS).contains(length));
    // Times near the ends of the integers are refused here, so that sums of a time and a length below cannot overflow.
    if length.is_none_or(|length| length % 1000 != 0) || from_ms % 1000 != 0 || !(0..=1 << 50).contains(&from_ms) {
        return Err(cursor.refuse("a window that is not 1 to 86,400 whole seconds"));
    }
    let window = Window { from_ms, until_ms };
    let count = cursor.varint()?;
    if count > 4096 {
        return Err(cursor.refuse("more than 4,096 series"));
    }
    let mut series = Vec::new();
    for _ in 0..count {
        series.push(read_series(cursor, window)?);
    }
    let depth = read_depth(cursor, window)?;
    if cursor.at != cursor.bytes.len() {
        return Err(cursor.refuse("bytes after the depth"));
    }
    Ok(Recording { window, series, depth })
}

fn read_series(cursor: &mut Cursor<'_>, window: Window) -> Result<Series, TapeError> {
    let venue = cursor.name()?;
    let kind = match cursor.array()? {
        [0] => MarketKind::Spot,
        [1] => MarketKind::Perpetual,
        [2] => MarketKind::Mark,
        _ => return Err(cursor.refuse("a market kind other than 0, 1 or 2")),
    };
    let asset = cursor.name()?;
    let [decimals] = cursor.array()?;
    if decimals > MOST_DECIMALS {
        return Err(cursor.refuse("more than 8 decimals"));
    }
    let count = cursor.count(LEAST_BAR_BYTES)?;
    let times = read_times(cursor, window, count)?;
    let prices = read_prices(cursor, decimals, count)?;
    let traded = (0..count).map(|_| cursor.traded()).collect::<Result<Vec<_>, _>>()?;
    let volumes = (0..count).map(|_| cursor.volume()).collect::<Result<Vec<_>, _>>()?;
    let bars = (0..count).map(|at| {
        let ((open_ms, length_ms), [open, close, high, low]) = (times[at], prices[at]);
        Bar { open_ms, length_ms, open, high, low, close, volume: volumes[at], traded: traded[at] }
    });
    Ok(Series { venue, kind, asset, decimals, bars: bars.collect() })
}

/// Opens and lengths, in milliseconds.
fn read_times(cursor: &mut Cursor<'_>, window: Window, count: usize) -> Result<Vec<(i64, i64)>, TapeError> {
    let gaps = (0..count).map(|_| cursor.varint()).collect::<Result<Vec<_>, _>>()?;
    let mut next_ms = window.from_ms;
    let mut times = Vec::with_capacity(count);
    for gap in gaps {
        let length_ms = cursor.milliseconds()?.filter(|length| (1000..=LONGEST_BAR_MS).contains(length));
        let open_ms = bounded_milliseconds(gap).map(|gap| next_ms + gap);
        let Some((open_ms, length_ms)) = open_ms.zip(length_ms).filter(|(open, length)| window.holds(*open, *length))
        else {
            return Err(cursor.refuse("a bar outside the window or longer than an hour"));
        };
        times.push((open_ms, length_ms));
        next_ms = open_ms + length_ms;
    }
    Ok(times)
}

/// Open, close, high and low of each bar.
fn read_prices(cursor: &mut Cursor<'_>, decimals: u8, count: usize) -> Result<Vec<[f64; 4]>, TapeError> {
    let mut columns: [Vec<i64>; 4] = Default::default();
    for (place, column) in columns.iter_mut().enumerate() {
        for _ in 0..count {
            let value = if place < 2 { cursor.signed()? } else { cursor.varint()?.try_into().unwrap_or(i64::MAX) };
            column.push(value);
        }
    }
    let scale = POWERS[usize::from(decimals)];
    let mut last_close = 0i64;
    let mut prices = Vec::with_capacity(count);
    let [opens, bodies, above, below] = &columns;
    for (((from_last, body), above), below) in opens.iter().zip(bodies).zip(above).zip(below) {
        let open = last_close.checked_add(*from_last);
        let close = open.and_then(|open| open.checked_add(*body));
        let high = open.zip(close).and_then(|(open, close)| open.max(close).checked_add(*above));
        let low = open.zip(close).and_then(|(open, close)| open.min(close).checked_sub(*below));
        let (Some(open), Some(close), Some(high), Some(low)) = (open, close, high, low) else {
            return Err(cursor.refuse("a price beyond 64 bits"));
        };
        if low < 1 || high > LARGEST_INTEGER {
            return Err(cursor.refuse("a price of less than one tick or more than 2^53 ticks"));
        }
        prices.push([open, close, high, low].map(|ticks| ticks as f64 / scale));
        last_close = close;
    }
    Ok(prices)
}

fn read_depth(cursor: &mut Cursor<'_>, window: Window) -> Result<Vec<DepthSnapshot>, TapeError> {
    let count = cursor.count(LEAST_DEPTH_BYTES)?;
    let mut depth = Vec::with_capacity(count);
    let mut last_ms = window.from_ms;
    for at in 0..count {
        let step = cursor.signed()?;
        let forward = (at == 0 || step > 0) && step.abs() <= LONGEST_WINDOW_MS;
        if !forward || last_ms + step >= window.until_ms {
            return Err(cursor.refuse("a depth snapshot out of order or outside the window"));
        }
        last_ms += step;
        depth.push(DepthSnapshot { at_ms: last_ms, bid_usd: [0.0; 3], ask_usd: [0.0; 3] });
    }
    for column in 0..6 {
        let mut usd = 0i64;
        for snapshot in &mut depth {
            let next = usd.checked_add(cursor.signed()?).filter(|usd| (0..=LARGEST_INTEGER).contains(usd));
            usd = next.ok_or_else(|| cursor.refuse("a depth below zero or above 2^53 dollars"))?;
            let place = column % 3;
            if column < 3 { snapshot.bid_usd[place] = usd as f64 } else { snapshot.ask_usd[place] = usd as f64 }
        }
    }
    Ok(depth)
}

/// Seconds as milliseconds, if they fit in the longest window.
fn bounded_milliseconds(seconds: u64) -> Option<i64> {
    i64::try_from(seconds).ok().filter(|seconds| *seconds <= LONGEST_WINDOW_MS / 1000).map(|seconds| seconds * 1000)
}

/// Content that is still to be read.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn refuse(&self, problem: &'static str) -> TapeError {
        TapeError::Compact { offset: self.at, problem }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], TapeError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.refuse("ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TapeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn varint(&mut self) -> Result<u64, TapeError> {
        let mut value = 0u64;
        for place in 0..10 {
            let [byte] = self.array()?;
            let part = u64::from(byte & 0x7f);
            if place == 9 && part > 1 {
                return Err(self.refuse("a number beyond 64 bits"));
            }
            value |= part << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.refuse("a number of more than ten bytes"))
    }

    fn signed(&mut self) -> Result<i64, TapeError> {
        let folded = self.varint()?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    fn milliseconds(&mut self) -> Result<Option<i64>, TapeError> {
        self.varint().map(bounded_milliseconds)
    }

    /// How many things follow, refused when the bytes left cannot hold that many.
    fn count(&mut self, least_bytes: usize) -> Result<usize, TapeError> {
        let count = self.varint()?;
        let most = (self.bytes.len() - self.at) / least_bytes;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= most)
            .ok_or_else(|| self.refuse("a count beyond the bytes left"))
    }

    fn name(&mut self) -> Result<String, TapeError> {
        let [length] = self.array()?;
        let text = std::str::from_utf8(self.take(usize::from(length))?).ok();
        let name = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
        name.map(str::to_owned).ok_or_else(|| self.refuse("a name that is empty or not printable ASCII"))
    }

    fn traded(&mut self) -> Result<Traded, TapeError> {
        match self.varint()? {
            0 => Ok(Traded::Unknown),
            1 => {
                let count = u32::try_from(self.varint()?);
                count.map(Traded::Trades).map_err(|_| self.refuse("more than 2^32 trades"))
            }
            2 => self.varint().map(Traded::Seconds),
            _ => Err(self.refuse("a kind of trade count other than 0, 1 or 2")),
        }
    }

    fn volume(&mut self) -> Result<Option<f64>, TapeError> {
        let code = self.varint()?;
        if code == 0 {
            return Ok(None);
        }
        let exponent =
            i32::try_from(code).ok().filter(|code| *code <= 27).ok_or_else(|| self.refuse("a volume's power"))?;
        let digits = self.varint()?;
        if digits > 999 {
            return Err(self.refuse("a volume of more than three digits"));
        }
        Ok(Some(join_volume(exponent - 9, digits)))
    }
}
