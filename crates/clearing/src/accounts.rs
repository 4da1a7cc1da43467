//! The accounts of a pool, and what is kept from them so that a block only touches those that changed.

mod tree;

use crate::accrual::Meter;
use crate::commitment::Branch;
use crate::lanes::Lanes;
use crate::state::Account;
use crate::table::{AccountId, Id, Table};
use crate::units::Accrued;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use borsh::io::{Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::Index;
use sha3::{Digest, Keccak256};
pub use tree::Tree;
pub(crate) use tree::node_of;

/// A Keccak-256 hash.
pub type Hash = [u8; 32];

/// The tag of an account's hash.
const LEAF: u8 = 0;

/// The hash of something's encoding, with a tag that keeps kinds of nodes apart.
pub(crate) fn hash_of(tag: u8, parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    hasher.update([tag]);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The hash of an account: a leaf of the tree.
#[must_use]
pub fn leaf_of(account: &Account) -> Hash {
    hash_of(LEAF, &[&borsh::to_vec(account).expect("writing to memory succeeds")])
}

/// Accounts by id, with everything that is kept from them: the tree of their hashes, and a compact copy of each.
///
/// Whoever edits an account puts it on the list of the edited; [`Accounts::copy_edited`] and [`Accounts::root`] work their lists off.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    table: Table<AccountId, Account>,
    marks: Vec<Marks>,
    /// The accounts edited since they were last copied into the lanes.
    uncopied: Vec<AccountId>,
    /// The accounts edited since their loans were last looked at.
    unlent: Vec<AccountId>,
    /// The accounts edited since the last root.
    unhashed: Vec<AccountId>,
    /// The accounts that the last root hashed anew.
    rehashed: Vec<AccountId>,
    lanes: Lanes,
    with_orders: BTreeSet<AccountId>,
    tree: Tree,
    /// What time has come to; none before it is known.
    meter: Option<Meter>,
}

/// On which lists an account stands.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    uncopied: bool,
    unlent: bool,
    unhashed: bool,
    /// Among those that had open orders when they were last copied.
    with_orders: bool,
}

impl Accounts {
    /// Adds an account. The caller has checked that an id is left.
    pub fn push(&mut self, account: Account) -> AccountId {
        let id = self.table.push(account);
        self.marks.push(Marks::default());
        self.list(id);
        id
    }

    /// The account, if it exists.
    #[must_use]
    pub fn find(&self, id: AccountId) -> Option<&Account> {
        self.table.find(id)
    }

    /// The account, to change it. Before its first change in a block, what accrued to it is counted by what it held. R2.5
    pub fn edit(&mut self, id: AccountId) -> &mut Account {
        if let Some(meter) = self.meter.as_ref().filter(|_| !self.is_read(id)) {
            meter.read(&mut self.table[id]);
        }
        self.list(id);
        &mut self.table[id]
    }

    /// Whether the account has been read in this block: whoever was edited since the last root.
    fn is_read(&self, id: AccountId) -> bool {
        self.marks.get(id.position()).is_none_or(|marks| marks.unhashed)
    }

    /// Time goes on.
    pub(crate) fn set_meter(&mut self, meter: Meter) {
        self.meter = Some(meter);
    }

    /// The loan × time of an account since the last payment. R2.5
    pub(crate) fn lent(&self, id: AccountId) -> Accrued {
        let account = &self.table[id];
        let unread = self.meter.as_ref().filter(|_| !self.is_read(id));
        account.accrued.lent + unread.map_or(Accrued::ZERO, |meter| meter.lent_since(account))
    }

    fn list(&mut self, id: AccountId) {
        let marks = self.marks.get_mut(id.position()).expect("there are marks for every account");
        if !marks.uncopied {
            self.uncopied.push(id);
        }
        if !marks.unlent {
            self.unlent.push(id);
        }
        if !marks.unhashed {
            self.unhashed.push(id);
        }
        (marks.uncopied, marks.unlent, marks.unhashed) = (true, true, true);
    }

    /// The number of accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Ids and accounts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.table.iter()
    }

    /// The ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        self.table.ids()
    }

    /// Brings the compact copies up to date; answers the accounts that had changed, in order.
    pub(crate) fn copy_edited(&mut self) -> Vec<AccountId> {
        let mut edited = core::mem::take(&mut self.uncopied);
        edited.sort_unstable();
        for id in &edited {
            let account = &self.table[*id];
            self.lanes.copy(*id, account);
            let marks = self.marks.get_mut(id.position()).expect("there are marks for every account");
            marks.uncopied = false;
            let has_orders = !account.orders.is_empty();
            if marks.with_orders != has_orders {
                marks.with_orders = has_orders;
                keep(&mut self.with_orders, *id, has_orders);
            }
        }
        edited
    }

    /// The accounts edited since this was last asked.
    pub(crate) fn take_unlent(&mut self) -> Vec<AccountId> {
        let edited = core::mem::take(&mut self.unlent);
        for id in &edited {
            self.marks.get_mut(id.position()).expect("there are marks for every account").unlent = false;
        }
        edited
    }

    /// The compact copies, as of the last [`Accounts::copy_edited`].
    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The accounts that had open orders when they were last copied, in order.
    pub(crate) fn with_orders(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.with_orders.iter().map(|id| (*id, &self.table[*id]))
    }

    /// The root of the tree over all accounts.
    pub(crate) fn root(&mut self) -> Hash {
        let mut edited = core::mem::take(&mut self.unhashed);
        edited.sort_unstable();
        for id in &edited {
            self.marks.get_mut(id.position()).expect("there are marks for every account").unhashed = false;
            if let Some(meter) = &self.meter {
                meter.restart(&mut self.table[*id]);
            }
        }
        let table = &self.table;
        let find = |position: usize| AccountId::at(position).and_then(|id| table.find(id));
        self.tree.follow(edited.iter().map(|id| id.position()), find);
        self.rehashed = edited;
        self.tree.root()
    }

    /// The way from an account to the last root.
    #[must_use]
    pub fn branch(&self, id: AccountId) -> Option<Branch> {
        let find = |position: usize| AccountId::at(position).and_then(|id| self.table.find(id));
        self.tree.branch(id.position(), find)
    }

    /// The accounts that may have changed between the last two roots, in order: what a copy must follow.
    #[must_use]
    pub fn changed(&self) -> &[AccountId] {
        &self.rehashed
    }
}

/// Makes an id a member of a set, or not.
fn keep(set: &mut BTreeSet<AccountId>, id: AccountId, belongs: bool) {
    if belongs {
        set.insert(id);
    } else {
        set.remove(&id);
    }
}

impl Index<AccountId> for Accounts {
    type Output = Account;
    fn index(&self, id: AccountId) -> &Account {
        &self.table[id]
    }
}

impl PartialEq for Accounts {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for Accounts {}

impl BorshSerialize for Accounts {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.table.serialize(writer)
    }
}

impl BorshDeserialize for Accounts {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let table: Table<AccountId, Account> = Table::deserialize_reader(reader)?;
        let mut accounts = Self { marks: alloc::vec![Marks::default(); table.len()], table, ..Self::default() };
        accounts.ids().for_each(|id| accounts.list(id));
        Ok(accounts)
    }
}
