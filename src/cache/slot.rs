//! What goes on for one key: the fetch under way, and the memory of the last failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::watch;

use super::Urgency;
use super::rest::Failure;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::key::Key;
use crate::token::AccessToken;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    control: Mutex<Control>,
}

/// Held for a few instructions at a time, and never across an `await`. Boxed all over: with 100,000
/// tenants nearly all of them have nothing going on.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) flight: Option<Box<Flight>>,
    pub(super) failure: Option<Box<Failure>>,
    /// The renewals of refused tokens, of late.
    pub(super) replaced: Option<Box<Replaced>>,
}

impl Slot {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            control: Mutex::default(),
        }
    }

    pub(super) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The control, unless somebody else is at it: then that one does what is to be done.
    pub(super) fn try_control(&self) -> Option<MutexGuard<'_, Control>> {
        match self.control.try_lock() {
            Ok(control) => Some(control),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.try_control()
            .is_none_or(|control| control.flight.is_some())
    }
}

/// Counts the renewals of refused tokens. An API that refuses whatever it is given must not make us
/// ask Entra at every call: beyond a few, the refused token is left to stand for a while.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    since: Option<Timestamp>,
    count: u8,
}

impl Replaced {
    /// Says whether another one may be asked for, and counts it.
    pub(super) fn may_ask(&mut self, now: Timestamp) -> bool {
        let is_over = self
            .since
            .is_none_or(|since| now.has_reached(since.after(WINDOW)));
        if is_over {
            *self = Self {
                since: Some(now),
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
        self.count <= MOST_REPLACED
    }
}

const WINDOW: Duration = Duration::from_secs(30);
const MOST_REPLACED: u8 = 20;

/// A fetch under way, as its waiters see it.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) urgency: Urgency,
    /// What an API's challenge wants to see met, if it is asked for.
    pub(super) challenge: Option<Arc<str>>,
    /// No fetch takes this long: whoever runs it has stopped.
    pub(super) overdue: Timestamp,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<AccessToken, Error>;

impl Flight {
    pub(super) fn new(
        urgency: Urgency,
        challenge: Option<&str>,
        now: Timestamp,
    ) -> (Self, watch::Sender<Option<Outcome>>) {
        let (sender, outcome) = watch::channel(None);
        let challenge = challenge.map(Into::into);
        let overdue = now.after(LONGEST_FETCH);
        let flight = Self {
            urgency,
            challenge,
            overdue,
            outcome,
        };
        (flight, sender)
    }

    /// Returns how the fetch ended, or `None` when it vanished together with the runtime that it
    /// ran on.
    pub(super) async fn outcome(mut self) -> Option<Outcome> {
        let landed = self.outcome.wait_for(Option::is_some).await.ok()?;
        landed.clone()
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.outcome.same_channel(&other.outcome)
    }
}

impl Control {
    /// Ends `flight`, and says whether it was still the one in charge: an invalidation takes the
    /// charge from a flight that began before it.
    pub(super) fn end(&mut self, flight: &Flight) -> bool {
        let is_in_charge = self
            .flight
            .as_ref()
            .is_some_and(|current| current.is_same_as(flight));
        if is_in_charge {
            self.flight = None;
        }
        is_in_charge
    }
}

/// Far beyond every retry budget.
const LONGEST_FETCH: Duration = Duration::from_secs(600);

/// So that an `Arc<Slot>` may be held by tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Arc<Slot>>();
};
