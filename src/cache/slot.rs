//! What goes on for one key: the fetch under way, and the memory of the last failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Urgency;
use super::rest::Failure;
use crate::error::Error;
use crate::key::Key;
use crate::token::AccessToken;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    control: Mutex<Control>,
}

/// Held for a few instructions at a time, and never across an `await`.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) flight: Option<Flight>,
    pub(super) failure: Option<Box<Failure>>,
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
        self.control.try_lock().ok()
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.try_control()
            .is_none_or(|control| control.flight.is_some())
    }
}

/// A fetch under way, as its waiters see it.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) urgency: Urgency,
    /// It asks for what an API's challenge wants to see met.
    pub(super) is_challenged: bool,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<AccessToken, Error>;

impl Flight {
    pub(super) fn new(
        urgency: Urgency,
        is_challenged: bool,
    ) -> (Self, watch::Sender<Option<Outcome>>) {
        let (sender, outcome) = watch::channel(None);
        let flight = Self {
            urgency,
            is_challenged,
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

/// So that an `Arc<Slot>` may be held by tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Arc<Slot>>();
};
