//! The cache in front of every flow: it knows freshness, rest and single flight, and nothing of
//! OAuth.
//!
//! | Module | Knows |
//! |---|---|
//! | [`freshness`] | when a token is renewed, and when it is dead |
//! | [`rest`] | how long a failing endpoint is left alone |
//! | [`slot`] | what goes on for one key |
//! | [`table`] | the bounded map that is read without a lock |
//!
//! A fetch runs as a task of its own on the caller's runtime, so that a caller who goes away
//! neither cancels it nor loses what it brings. Nothing else is spawned, and nothing runs for ever.

mod freshness;
mod rest;
mod slot;
mod table;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use self::rest::Failure;
use self::slot::{Control, Flight, Slot};
use self::table::Table;
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, fraction};
use crate::error::Error;
use crate::id::TenantId;
use crate::key::{Key, KeyRef};
use crate::request::Demand;
use crate::token::{AccessToken, Blank};

/// Who waits for a fetch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// Nobody: the old token still works. One attempt; the rest after it is the retry.
    Ahead,
    /// A caller.
    Now,
}

/// What a fetch brings.
pub(crate) struct Fetched {
    pub(crate) text: zeroize::Zeroizing<String>,
    pub(crate) asked_at: Timestamp,
    pub(crate) lifetime: Duration,
    pub(crate) refresh_in: Option<Duration>,
}

/// Gets a token from wherever tokens come from, once per call. A clone per flight.
pub(crate) trait Fetch: Clone + Send + Sync + 'static {
    fn fetch(self, urgency: Urgency) -> impl Future<Output = Result<Fetched, Error>> + Send;
}

/// Tokens by key; one fetch per key at a time.
#[derive(Clone)]
pub(crate) struct TokenCache(Arc<Inner>);

struct Inner {
    table: Table,
    blanks: Mutex<Vec<Blank>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What a caller is to do now.
enum Step {
    Take(Result<AccessToken, Error>),
    Join(Flight),
    /// Wait for a flight of one's own.
    Started(Flight),
}

impl TokenCache {
    pub(crate) fn new(bound: usize, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let blanks = Mutex::default();
        Self(Arc::new(Inner {
            table: Table::new(bound),
            blanks,
            clock,
            entropy,
        }))
    }

    /// Returns the token of `key` if it is good and not yet due for renewal. The hot path.
    #[inline]
    pub(crate) fn fresh(&self, key: KeyRef<'_>) -> Option<AccessToken> {
        self.0.table.fresh(key, self.0.clock.now())
    }

    /// Returns a token that still works though its renewal is due, and sees to the renewal.
    pub(crate) fn ageing(&self, key: KeyRef<'_>, fetch: &impl Fetch) -> Option<AccessToken> {
        let now = self.0.clock.now();
        let token = self
            .0
            .table
            .token(key)
            .filter(|token| !now.has_reached(token.life().death))?;
        let slot = self.0.table.slot(key);
        if now.has_reached(token.life().renewal)
            && let Some(control) = slot.try_control()
            && control.flight.is_none()
            && !control.rests(now, Urgency::Ahead, None)
            // Read again under the lock: a renewal may have landed since.
            && let Some(held) = self.0.table.token(key)
            && now.has_reached(held.life().renewal)
            && let Ok(runtime) = Handle::try_current()
        {
            self.start(
                &runtime,
                &slot,
                control,
                Flight::new(Urgency::Ahead, None, now),
                fetch,
            );
        }
        Some(token)
    }

    /// Returns a token that meets `demand`, after a fetch if there has to be one.
    pub(crate) async fn get(
        &self,
        key: KeyRef<'_>,
        demand: &Demand,
        fetch: impl Fetch,
    ) -> Result<AccessToken, Error> {
        let slot = self.0.table.slot(key);
        loop {
            let (flight, is_own) = match self.step(&slot, demand, &fetch)? {
                Step::Take(outcome) => return outcome,
                Step::Join(flight) => (flight, false),
                Step::Started(flight) => (flight, true),
            };
            let was_ahead = flight.urgency == Urgency::Ahead;
            match flight.outcome().await {
                // It did not try as hard as a caller who waits may ask for.
                Some(Err(_)) if was_ahead => {}
                Some(outcome) => return outcome,
                None if is_own => {
                    return Err(Error::config(
                        "the Tokio runtime is shutting down; no token is fetched",
                    ));
                }
                // Its runtime is gone, ours is not.
                None => {}
            }
        }
    }

    /// Forgets the token and the failure of `key`. A fetch under way brings its token to those who
    /// wait for it, and to nobody else.
    pub(crate) fn forget(&self, key: KeyRef<'_>) {
        if let Some(slot) = self.0.table.existing_slot(key) {
            self.empty(&slot);
        }
    }

    /// Forgets all tokens and failures of `tenant`.
    pub(crate) fn forget_tenant(&self, tenant: &TenantId) {
        for slot in self.0.table.matching(|key| key.tenant == *tenant) {
            self.empty(&slot);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.table.len()
    }

    fn empty(&self, slot: &Arc<Slot>) {
        let mut control = slot.control();
        *control = Control::default();
        self.0.table.publish(slot, None);
    }

    fn step(&self, slot: &Arc<Slot>, demand: &Demand, fetch: &impl Fetch) -> Result<Step, Error> {
        let now = self.0.clock.now();
        let mut control = slot.control();
        let challenge = demand.challenge.as_deref();
        // Read under the lock: what a flight has brought is there before the flight is gone.
        let will_do = |token: &AccessToken| {
            let is_refused = demand
                .rejected
                .as_ref()
                .is_some_and(|bad| bad.is_same_as(token));
            // A challenge that names no token is to the one that is held.
            let is_challenged = challenge.is_some() && demand.rejected.is_none();
            !demand.force_refresh
                && !is_challenged
                && !is_refused
                && !now.has_reached(token.life().death)
        };
        let held = self.0.table.token(slot.key.view());
        if let Some(token) = held.as_ref().filter(|token| will_do(token)) {
            return Ok(Step::Take(Ok(token.clone())));
        }
        // A challenge is not met by what was asked for without it: that flight loses its charge.
        let meets = |flight: &&Flight| {
            let is_met = challenge.is_none() || flight.challenge.as_deref() == challenge;
            is_met && !now.has_reached(flight.overdue)
        };
        if let Some(flight) = control.flight.as_deref().filter(meets) {
            return Ok(Step::Join(flight.clone()));
        }
        if let Some(failure) = control
            .failure
            .as_ref()
            .filter(|_| control.rests(now, Urgency::Now, challenge))
        {
            return Ok(Step::Take(Err(failure.seen_at(now))));
        }
        let runtime = Handle::try_current().map_err(|error| {
            Error::config("a token can be fetched inside a Tokio runtime only").caused_by(error)
        })?;
        if let (Some(held), Some(_), None) = (held, &demand.rejected, challenge)
            && !now.has_reached(held.life().death)
            && !control.replaced.get_or_insert_default().may_ask(now)
        {
            return Ok(Step::Take(Ok(held)));
        }
        let flight = Flight::new(Urgency::Now, challenge, now);
        let flight = self.start(&runtime, slot, control, flight, fetch);
        Ok(Step::Started(flight))
    }

    fn start(
        &self,
        runtime: &Handle,
        slot: &Arc<Slot>,
        mut control: MutexGuard<'_, Control>,
        (flight, sender): (Flight, watch::Sender<Option<Result<AccessToken, Error>>>),
        fetch: &impl Fetch,
    ) -> Flight {
        let (fetch, urgency) = (fetch.clone(), flight.urgency);
        control.flight = Some(Box::new(flight.clone()));
        // A runtime that is shutting down drops the task at once, and the landing takes the lock.
        drop(control);
        let landing = Landing {
            cache: self.clone(),
            slot: Arc::clone(slot),
            flight: flight.clone(),
            sender: Some(sender),
        };
        runtime.spawn(async move {
            let fetched = fetch.fetch(urgency).await;
            landing.land(fetched);
        });
        flight
    }

    fn token_of(&self, fetched: Fetched, key: &Key) -> Result<AccessToken, Error> {
        let Fetched {
            text,
            asked_at,
            lifetime,
            refresh_in,
        } = fetched;
        let jitter = fraction(&*self.0.entropy);
        let life = freshness::life(asked_at, lifetime, refresh_in, jitter);
        self.blank().fill(&text, Some(key.clone()), life)
    }

    /// A blank from a block of them, which grows with the cache: one by one for one tenant, by the
    /// page for a thousand.
    fn blank(&self) -> Blank {
        let mut blanks = self.0.blanks.lock().unwrap_or_else(PoisonError::into_inner);
        if blanks.is_empty() {
            let block = (self.len() / 8).min(64);
            blanks.extend((0..block).map(|_| Blank::new()));
            blanks.reverse(); // given out in the order they were made
        }
        blanks.pop().unwrap_or_else(Blank::new)
    }
}

impl Control {
    /// `true` while the endpoint is left alone after a failure.
    fn rests(&self, now: Timestamp, urgency: Urgency, challenge: Option<&str>) -> bool {
        self.failure.as_ref().is_some_and(|failure| {
            (failure.binds_all || urgency == Urgency::Ahead)
                && failure.challenge.as_deref() == challenge
                && !now.has_reached(failure.until)
        })
    }
}

/// Sees that a flight ends for its waiters, however its task ends.
struct Landing {
    cache: TokenCache,
    slot: Arc<Slot>,
    flight: Flight,
    sender: Option<watch::Sender<Option<Result<AccessToken, Error>>>>,
}

impl Landing {
    fn land(mut self, fetched: Result<Fetched, Error>) {
        let outcome = fetched.and_then(|fetched| self.cache.token_of(fetched, &self.slot.key));
        let jitter = fraction(&*self.cache.0.entropy);
        self.settle(outcome, jitter);
    }

    fn settle(&mut self, outcome: Result<AccessToken, Error>, jitter: f64) {
        let Some(sender) = self.sender.take() else {
            return;
        };
        let Inner { table, clock, .. } = &*self.cache.0;
        let now = clock.now();
        let mut control = self.slot.control();
        if control.end(&self.flight) {
            match &outcome {
                Ok(token) => {
                    control.failure = None;
                    table.publish(&self.slot, Some(token.clone()));
                }
                Err(error) => {
                    let (error, urgency) = (error.clone(), self.flight.urgency);
                    let last = control.failure.as_deref();
                    let failure = Failure::new(error, urgency, last, now, jitter)
                        .of_challenge(self.flight.challenge.clone());
                    control.failure = Some(Box::new(failure));
                }
            }
        }
        drop(control);
        sender.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    /// Only a task that panicked, or one whose runtime was shut down, gets here unsettled.
    fn drop(&mut self) {
        if self.sender.is_none() {
            return;
        }
        if std::thread::panicking() {
            let error = Error::config("the code that fetches the token panicked");
            // No jitter: whatever panicked may be what draws it.
            self.settle(
                Err(error.with_retry_after(Some(Duration::from_secs(1)))),
                0.0,
            );
        } else {
            // The sender goes without a word; whoever waits elsewhere starts a flight of its own.
            self.slot.control().end(&self.flight);
        }
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("tokens", &self.len())
            .finish_non_exhaustive()
    }
}
