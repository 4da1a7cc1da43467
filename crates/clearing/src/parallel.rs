//! One function over many items, on one thread or on several: the results and their order are the same either way.

use alloc::vec::Vec;

/// Items below which sharing the work costs more than it saves.
#[cfg(feature = "parallel")]
const SHARE_FROM: usize = 4_096;
/// Items that one thread takes at least, and that are worked on together where they are summed up.
const CHUNK: usize = 1_024;

/// The function's result for every item, in the order of the items.
#[cfg(feature = "parallel")]
pub(crate) fn map<T: Sync, R: Send>(items: &[T], of: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    if items.len() < SHARE_FROM {
        return items.iter().map(of).collect();
    }
    items.par_iter().with_min_len(CHUNK).map(of).collect()
}

/// The function's result for every item, in the order of the items.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map<T, R>(items: &[T], of: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(of).collect()
}

/// The function's result for every chunk of items, in order.
#[cfg(feature = "parallel")]
pub(crate) fn map_chunks<T: Sync, R: Send>(items: &[T], of: impl Fn(&[T]) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    if items.len() < SHARE_FROM {
        return items.chunks(CHUNK).map(of).collect();
    }
    items.par_chunks(CHUNK).map(of).collect()
}

/// The function's result for every chunk of items, in order.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map_chunks<T, R>(items: &[T], of: impl Fn(&[T]) -> R) -> Vec<R> {
    items.chunks(CHUNK).map(of).collect()
}
