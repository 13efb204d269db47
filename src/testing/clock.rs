//! Time that a test moves by hand: [`ManualClock`].

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

use crate::clock::{Clock, Sleep, Timestamp};

/// A clock that stands still until the test moves it.
///
/// Hand a clone to what you test and keep one: all clones are one clock. It has a wall time and a
/// monotonic time, as a real machine does, and can make them disagree. Sleeps follow the monotonic
/// time.
///
/// ```
/// # use std::time::Duration;
/// # use partner_auth::Clock;
/// # use partner_auth::testing::ManualClock;
/// let clock = ManualClock::new();
/// let before = clock.now();
///
/// clock.advance(Duration::from_secs(3_600));
/// assert_eq!(clock.now().wall(), before.wall() + Duration::from_secs(3_600));
///
/// clock.suspend(Duration::from_secs(60)); // a laptop closed for a minute
/// assert_eq!(clock.now().monotonic(), before.monotonic() + Duration::from_secs(3_600));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Shared>);

impl ManualClock {
    /// Returns a clock that shows 2026-01-01 00:00:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        Self::at(SystemTime::UNIX_EPOCH + NEW_YEAR)
    }

    /// Returns a clock that shows `wall`.
    #[must_use]
    pub fn at(wall: SystemTime) -> Self {
        let state = State {
            wall,
            monotonic: UPTIME,
            advances_itself: false,
            sleepers: BTreeMap::new(),
            drawn: 0,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
        }))
    }

    /// Lets a sleep move the clock instead of waiting, so that ten minutes of polling take no time.
    ///
    /// For code that does one thing at a time. Where a sleep is a time limit beside something else
    /// that is awaited, the limit would be reached at once: move the clock yourself there.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use partner_auth::Clock;
    /// # use partner_auth::testing::ManualClock;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = ManualClock::new().auto_advance();
    /// let before = clock.now();
    /// clock.sleep(Duration::from_secs(900)).await;
    /// assert_eq!(clock.now().wall(), before.wall() + Duration::from_secs(900));
    /// # }
    /// ```
    #[must_use]
    pub fn auto_advance(self) -> Self {
        self.0.lock().advances_itself = true;
        self
    }

    /// Moves both clocks forward, and wakes the sleepers whose time has come.
    pub fn advance(&self, by: Duration) {
        wake(self.0.lock().advance(by));
    }

    /// Moves the wall clock forward, as an administrator or a time server does. Nobody wakes.
    pub fn jump_wall_forward(&self, by: Duration) {
        let mut state = self.0.lock();
        state.wall = state.wall.checked_add(by).unwrap_or(state.wall);
    }

    /// Moves the wall clock back, no further than 1970. Nobody wakes.
    pub fn jump_wall_back(&self, by: Duration) {
        let mut state = self.0.lock();
        let since_1970 = state
            .wall
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        state.wall = SystemTime::UNIX_EPOCH + since_1970.saturating_sub(by);
    }

    /// Puts the machine to sleep for a while: the wall clock goes on, the monotonic clock stands.
    /// Nobody wakes.
    pub fn suspend(&self, duration: Duration) {
        self.jump_wall_forward(duration);
    }

    /// Returns how many sleeps are being awaited.
    #[must_use]
    pub fn sleeping(&self) -> usize {
        self.0.lock().sleepers.len()
    }

    /// Waits until at least `count` sleeps are being awaited: the moment to move the clock.
    pub async fn until_sleeping(&self, count: usize) {
        loop {
            let changed = self.0.changed.notified();
            if self.sleeping() >= count {
                return;
            }
            changed.await;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let state = self.0.lock();
        Timestamp::new(state.wall, state.monotonic)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let deadline = self.0.lock().monotonic.saturating_add(duration);
        Sleep::new(Sleeping {
            clock: Arc::clone(&self.0),
            deadline,
            place: None,
        })
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("ManualClock")
            .field("wall", &state.wall)
            .field("monotonic", &state.monotonic)
            .field("sleeping", &state.sleepers.len())
            .finish_non_exhaustive()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State {
    wall: SystemTime,
    monotonic: Duration,
    advances_itself: bool,
    sleepers: BTreeMap<u64, Sleeper>,
    /// How many places among the sleepers were given out.
    drawn: u64,
}

struct Sleeper {
    deadline: Duration,
    waker: Waker,
}

impl State {
    /// Moves both clocks and returns who has to be woken, once the lock is free.
    fn advance(&mut self, by: Duration) -> Vec<Waker> {
        self.wall = self.wall.checked_add(by).unwrap_or(self.wall);
        self.monotonic = self.monotonic.saturating_add(by);
        let is_due = |sleeper: &&Sleeper| sleeper.deadline <= self.monotonic;
        self.sleepers
            .values()
            .filter(is_due)
            .map(|sleeper| sleeper.waker.clone())
            .collect()
    }
}

/// One sleep. It counts as sleeping from its first poll until it ends or is dropped.
struct Sleeping {
    clock: Arc<Shared>,
    deadline: Duration,
    place: Option<u64>,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.clock);
        let mut state = shared.lock();
        let left = self.deadline.saturating_sub(state.monotonic);
        if left.is_zero() {
            return Poll::Ready(());
        }
        if state.advances_itself && self.deadline < END_OF_TIME {
            let others = state.advance(left);
            drop(state);
            wake(others);
            return Poll::Ready(());
        }

        let place = *self.place.get_or_insert_with(|| {
            state.drawn += 1;
            state.drawn
        });
        let sleeper = Sleeper {
            deadline: self.deadline,
            waker: context.waker().clone(),
        };
        state.sleepers.insert(place, sleeper);
        drop(state);
        shared.changed.notify_waiters();
        Poll::Pending
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.clock.lock().sleepers.remove(&place);
        }
    }
}

fn wake(sleepers: Vec<Waker>) {
    for sleeper in sleepers {
        sleeper.wake();
    }
}

/// 2026-01-01 00:00:00 UTC, from 1970.
pub(super) const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);

/// The monotonic clock of a machine that has been up for a while, so that it can be looked back on.
const UPTIME: Duration = Duration::from_secs(1_000_000);

/// A sleep that long means "never", and moves no clock.
const END_OF_TIME: Duration = Duration::from_secs(100 * 365 * 86_400);
