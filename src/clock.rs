//! The source of time and of waiting: [`Clock`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The source of time and of waiting.
///
/// One trait for both, so that a test clock cannot disagree with itself. Every decision looks at a
/// wall time and a monotonic time, because each lies where the other does not: a laptop's sleep
/// stops the monotonic clock, and an administrator moves the wall clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time, on both clocks.
    fn now(&self) -> Timestamp;

    /// Returns a future that is ready once `duration` has passed.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The machine's clocks.
///
/// On Linux they are read in their coarse form: exact to a few milliseconds, which no token's life
/// depends on, and six times cheaper.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Timestamp {
        system_now()
    }

    #[allow(clippy::disallowed_methods)] // the one home of waiting
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        (**self).sleep(duration)
    }
}

/// A moment on both clocks, exact to the nanosecond at best.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timestamp {
    /// Nanoseconds since 1970, on the wall clock.
    wall: u64,
    /// Nanoseconds since some moment before, on the monotonic clock.
    monotonic: u64,
}

impl Timestamp {
    /// The moment that every clock has reached.
    pub(crate) const BEGINNING: Self = Self {
        wall: 0,
        monotonic: 0,
    };

    /// Returns the moment that is `wall` on the wall clock, and `monotonic` after the monotonic
    /// clock's own beginning. A wall time before 1970 counts as 1970.
    #[must_use]
    pub fn new(wall: SystemTime, monotonic: Duration) -> Self {
        let wall = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            wall: nanos(wall),
            monotonic: nanos(monotonic),
        }
    }

    /// Returns the wall time.
    #[must_use]
    pub fn wall(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.wall)
    }

    /// Returns how far the monotonic clock has come since its own beginning.
    #[must_use]
    pub fn monotonic(self) -> Duration {
        Duration::from_nanos(self.monotonic)
    }

    /// Returns the moment `duration` later, or the last one there is.
    pub(crate) fn after(self, duration: Duration) -> Self {
        let nanos = nanos(duration);
        Self {
            wall: self.wall.saturating_add(nanos),
            monotonic: self.monotonic.saturating_add(nanos),
        }
    }

    /// Returns `true` once either clock has come to `deadline`.
    #[inline]
    pub(crate) fn has_reached(self, deadline: Self) -> bool {
        self.wall >= deadline.wall || self.monotonic >= deadline.monotonic
    }

    /// Returns how long it is until either clock comes to `deadline`.
    pub(crate) fn until(self, deadline: Self) -> Duration {
        let wall = deadline.wall.saturating_sub(self.wall);
        let monotonic = deadline.monotonic.saturating_sub(self.monotonic);
        Duration::from_nanos(wall.min(monotonic))
    }
}

/// A future that is ready once some time has passed. Made by [`Clock::sleep`].
pub struct Sleep(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Sleep {
    /// Returns a sleep that ends when `future` does.
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
#[inline]
fn system_now() -> Timestamp {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    #[inline]
    fn nanos(at: Timespec) -> u64 {
        let seconds = u64::try_from(at.tv_sec).unwrap_or(0);
        let fraction = u64::try_from(at.tv_nsec).unwrap_or(0);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(fraction)
    }

    Timestamp {
        wall: nanos(clock_gettime(ClockId::RealtimeCoarse)),
        monotonic: nanos(clock_gettime(ClockId::MonotonicCoarse)),
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // the one home of time
fn system_now() -> Timestamp {
    use std::sync::OnceLock;
    use std::time::Instant;

    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    let monotonic = BEGINNING.get_or_init(Instant::now).elapsed();
    Timestamp::new(SystemTime::now(), monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u64, monotonic: u64) -> Timestamp {
        Timestamp::new(
            UNIX_EPOCH + Duration::from_secs(wall),
            Duration::from_secs(monotonic),
        )
    }

    #[test]
    fn a_deadline_is_reached_when_either_clock_says_so() {
        let deadline = at(1_000, 100);
        assert!(!at(999, 99).has_reached(deadline));
        assert!(at(1_000, 99).has_reached(deadline), "the laptop slept");
        assert!(
            at(10, 100).has_reached(deadline),
            "somebody moved the wall clock back"
        );
        assert_eq!(at(999, 90).until(deadline), Duration::from_secs(1));
        assert_eq!(at(2_000, 90).until(deadline), Duration::ZERO);
    }

    #[test]
    fn no_time_is_too_far() {
        let end = at(1_000, 100).after(Duration::MAX);
        assert!(!at(1_000, 100).has_reached(end));
        assert_eq!(
            Timestamp::new(UNIX_EPOCH - Duration::from_secs(9), Duration::ZERO),
            at(0, 0)
        );
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // the system's clock is what is tested
    fn the_system_clock_is_the_systems() {
        let now = SystemClock.now();
        let difference = SystemTime::now()
            .duration_since(now.wall())
            .unwrap_or_default();
        assert!(difference < Duration::from_secs(1), "{difference:?}");
        assert!(SystemClock.now().monotonic() >= now.monotonic());
    }
}
