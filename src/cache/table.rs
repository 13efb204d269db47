//! A bounded map from keys to tokens that is read without a lock.
//!
//! Buckets are copied on write: every write follows a network call, and copies a dozen entries.
//! Every read is one guard, a scan over fingerprints that lie side by side, and the token, which
//! holds all else that a hit needs: among 100,000 tenants it is the cache lines that cost.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use super::slot::Slot;
use crate::clock::Timestamp;
use crate::key::{Key, KeyRef};
use crate::token::AccessToken;

pub(super) struct Table {
    buckets: Box<[ArcSwapOption<Bucket>]>,
    hasher: foldhash::quality::RandomState,
    bound: usize,
    /// How many entries there are. Held by whoever writes; readers never touch it.
    entries: Mutex<usize>,
}

/// The entries whose hashes end alike. Place by place, the two lists go together: what a hit reads,
/// and what it does not.
#[derive(Clone, Default)]
struct Bucket {
    cells: Vec<Cell>,
    slots: Vec<Arc<Slot>>,
}

#[derive(Clone)]
struct Cell {
    mark: u32,
    token: Option<AccessToken>,
}

impl Table {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.max(1);
        let buckets = (bound / ENTRIES_PER_BUCKET)
            .clamp(1, MOST_BUCKETS)
            .next_power_of_two();
        Self {
            buckets: (0..buckets).map(|_| ArcSwapOption::empty()).collect(),
            hasher: foldhash::quality::RandomState::default(),
            bound,
            entries: Mutex::new(0),
        }
    }

    /// Returns the token of `key` unless its renewal is due. No lock, no allocation, no copy.
    #[inline]
    pub(super) fn fresh(&self, key: KeyRef<'_>, now: Timestamp) -> Option<AccessToken> {
        let place = self.place(key);
        let bucket = self.buckets[place.bucket].load();
        let token = bucket.as_ref()?.token(place.mark, key)?;
        if now.has_reached(token.life().renewal) {
            return None;
        }
        token.mark_used();
        Some(token.clone())
    }

    /// Returns the token of `key`, however old.
    pub(super) fn token(&self, key: KeyRef<'_>) -> Option<AccessToken> {
        let place = self.place(key);
        let bucket = self.buckets[place.bucket].load();
        let token = bucket.as_ref()?.token(place.mark, key)?;
        token.mark_used();
        Some(token.clone())
    }

    /// Returns the slot of `key`, if the key is known.
    pub(super) fn existing_slot(&self, key: KeyRef<'_>) -> Option<Arc<Slot>> {
        let place = self.place(key);
        let bucket = self.buckets[place.bucket].load();
        let bucket = bucket.as_ref()?;
        let at = bucket.find(place.mark, key)?;
        Some(Arc::clone(&bucket.slots[at]))
    }

    /// Returns the slot of `key`, which is made when there is none.
    pub(super) fn slot(&self, key: KeyRef<'_>) -> Arc<Slot> {
        if let Some(slot) = self.existing_slot(key) {
            return slot;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have made it while we waited.
        if let Some(slot) = self.existing_slot(key) {
            return slot;
        }
        let slot = Arc::new(Slot::new(key.to_owned()));
        self.put(&mut entries, &slot, None);
        slot
    }

    /// Puts a token, or none, to a slot, which comes back if it has been evicted meanwhile.
    pub(super) fn publish(&self, slot: &Arc<Slot>, token: Option<AccessToken>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut entries, slot, token);
    }

    /// Returns the slots of the keys that match. Walks over all there are.
    pub(super) fn matching(&self, matches: impl Fn(&Key) -> bool) -> Vec<Arc<Slot>> {
        let mut found = Vec::new();
        for bucket in self.buckets.iter().filter_map(ArcSwapOption::load_full) {
            found.extend(
                bucket
                    .slots
                    .iter()
                    .filter(|slot| matches(&slot.key))
                    .cloned(),
            );
        }
        found
    }

    pub(super) fn len(&self) -> usize {
        *self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // any bits of the hash will do
    fn place(&self, key: KeyRef<'_>) -> Place {
        let hash = self.hasher.hash_one(key);
        Place {
            bucket: hash as usize & (self.buckets.len() - 1),
            mark: (hash >> 32) as u32,
        }
    }

    /// Writes an entry, over the one with its key if there is one.
    fn put(&self, entries: &mut usize, slot: &Arc<Slot>, token: Option<AccessToken>) {
        let place = self.place(slot.key.view());
        let mut bucket = match &*self.buckets[place.bucket].load() {
            Some(old) => old.copy_with_room(),
            None => Bucket::default(),
        };
        let at = match bucket.find(place.mark, slot.key.view()) {
            Some(at) => {
                bucket.cells[at].token = token;
                bucket.slots[at] = Arc::clone(slot);
                at
            }
            None => {
                bucket.cells.push(Cell {
                    mark: place.mark,
                    token,
                });
                bucket.slots.push(Arc::clone(slot));
                *entries += 1;
                bucket.slots.len() - 1
            }
        };
        if *entries > self.bound {
            match self.evict(place.bucket, &mut bucket, at) {
                true => *entries -= 1,
                // All are being fetched: more than asked for, until the next is written.
                false => tracing::debug!(bound = self.bound, "the token cache is over its bound"),
            }
        }
        self.buckets[place.bucket].store(Some(Arc::new(bucket)));
    }

    /// Takes one entry out: of the bucket that has grown, or of the next that can spare one.
    ///
    /// What was used since the last look is spared once, like a second hand on a clock; what is
    /// being fetched, and the entry just written, are spared always.
    fn evict(&self, home: usize, grown: &mut Bucket, written: usize) -> bool {
        for _ in 0..2 {
            if grown.spare(Some(written)) {
                return true;
            }
            for step in 1..self.buckets.len() {
                let place = (home + step) & (self.buckets.len() - 1);
                let Some(mut bucket) = self.buckets[place].load_full().map(Arc::unwrap_or_clone)
                else {
                    continue;
                };
                if bucket.spare(None) {
                    self.buckets[place].store(Some(Arc::new(bucket)));
                    return true;
                }
            }
        }
        false
    }
}

/// Where a key belongs.
struct Place {
    bucket: usize,
    mark: u32,
}

impl Bucket {
    /// The token of `key`, found by what stands in the token itself.
    #[inline]
    fn token(&self, mark: u32, key: KeyRef<'_>) -> Option<&AccessToken> {
        let marked = self.cells.iter().filter(|cell| cell.mark == mark);
        marked
            .filter_map(|cell| cell.token.as_ref())
            .find(|token| token.is_for(key))
    }

    /// The place of `key`, with or without a token.
    fn find(&self, mark: u32, key: KeyRef<'_>) -> Option<usize> {
        let mut places = self.cells.iter().zip(&self.slots);
        places.position(|(cell, slot)| cell.mark == mark && slot.key.view() == key)
    }

    fn copy_with_room(&self) -> Self {
        fn copy<T: Clone>(list: &[T]) -> Vec<T> {
            let mut copy = Vec::with_capacity(list.len() + 1);
            copy.extend_from_slice(list);
            copy
        }
        Self {
            cells: copy(&self.cells),
            slots: copy(&self.slots),
        }
    }

    /// Drops the entry that will be missed least, if there is one to spare beside `keep`.
    fn spare(&mut self, keep: Option<usize>) -> bool {
        let is_spare = |at: &usize| {
            let was_used = || {
                self.cells[*at]
                    .token
                    .as_ref()
                    .is_some_and(AccessToken::take_used)
            };
            keep != Some(*at) && !self.slots[*at].is_in_flight() && !was_used()
        };
        let soonest = |at: &usize| self.cells[*at].token.as_ref().map(AccessToken::expires_on);
        let Some(at) = (0..self.slots.len()).filter(is_spare).min_by_key(soonest) else {
            return false;
        };
        self.cells.remove(at);
        self.slots.remove(at);
        true
    }
}

/// At its bound, a bucket holds this many entries on average.
const ENTRIES_PER_BUCKET: usize = 16;
/// Half a megabyte, whatever the bound.
const MOST_BUCKETS: usize = 1 << 16;
