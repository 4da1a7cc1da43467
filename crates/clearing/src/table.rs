//! Ids that count from zero, and the tables they index.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::marker::PhantomData;
use core::ops::{Index, IndexMut};

/// An id that is a position in a [`Table`].
pub trait Id: Copy + Ord {
    /// The id of the entry at `position`, if the id type reaches that far.
    fn at(position: usize) -> Option<Self>;
    /// The position of the entry.
    fn position(self) -> usize;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name(pub $inner);
        impl Id for $name {
            fn at(position: usize) -> Option<Self> { <$inner>::try_from(position).ok().map(Self) }
            fn position(self) -> usize { usize::try_from(self.0).expect("an id fits the machine's word") }
        }
        impl core::fmt::Display for $name {
            fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result { write!(out, "{}", self.0) }
        }
    };
}

id!(
    /// A feed of the system.
    FeedId(u16)
);
id!(
    /// A pool of the system.
    PoolId(u16)
);
id!(
    /// An instrument of a pool.
    InstrumentId(u16)
);
id!(
    /// An account of a pool.
    AccountId(u32)
);

/// Entries that are never removed, indexed by the id given at insertion.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Table<I, T> {
    entries: Vec<T>,
    ids: PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self { entries: Vec::new(), ids: PhantomData }
    }
}

impl<I: Id, T> Table<I, T> {
    /// The id that the next entry will get, if there is one left.
    #[must_use]
    pub fn next_id(&self) -> Option<I> {
        I::at(self.entries.len())
    }

    /// Adds an entry. The caller has checked that an id is left.
    pub fn push(&mut self, entry: T) -> I {
        let id = self.next_id().expect("the caller checked that an id is left");
        self.entries.push(entry);
        id
    }

    /// The entry, if it exists.
    #[must_use]
    pub fn find(&self, id: I) -> Option<&T> {
        self.entries.get(id.position())
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Ids and entries, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.entries.iter().enumerate().map(|(at, entry)| (I::at(at).expect("every entry has an id"), entry))
    }

    /// Ids and entries to change, in order of id.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.entries.iter_mut().enumerate().map(|(at, entry)| (I::at(at).expect("every entry has an id"), entry))
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.entries.len()).map(|at| I::at(at).expect("every entry has an id"))
    }
}

impl<I: Id, T> FromIterator<T> for Table<I, T> {
    fn from_iter<C: IntoIterator<Item = T>>(entries: C) -> Self {
        Self { entries: entries.into_iter().collect(), ids: PhantomData }
    }
}

impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        self.find(id).expect("an id inside the core refers to an entry")
    }
}

impl<I: Id, T> IndexMut<I> for Table<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        self.entries.get_mut(id.position()).expect("an id inside the core refers to an entry")
    }
}
