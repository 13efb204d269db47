//! How long a failing endpoint is left alone.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Error;

use super::Urgency;

/// The last failure of a key, remembered until its rest is over.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) until: Timestamp,
    /// `true` when callers without a token get the failure too, not only renewals.
    pub(super) binds_all: bool,
    /// How many fetches of this urgency have failed in a row.
    in_a_row: u32,
    urgency: Urgency,
    /// The challenge that was asked with: its refusal says nothing of other requests.
    pub(super) challenge: Option<Arc<str>>,
}

impl Failure {
    /// Returns the memory of `error`, which comes after `last`.
    ///
    /// | What failed | The next attempt | For whom |
    /// |---|---|---|
    /// | the server named a time | after that time, an hour at the most | everybody |
    /// | a refusal that cannot heal by itself | after a minute | everybody |
    /// | a caller waited, for nothing | after 1, 2, 4 … 30 seconds | everybody |
    /// | a renewal ahead of time | after 10, 20, 40, 60 seconds | renewals |
    ///
    /// Each is drawn (`jitter`, `0.0..1.0`) to up to a quarter longer, never shorter; what the server
    /// asks for to 5 seconds longer at the most.
    pub(super) fn new(
        error: Error,
        urgency: Urgency,
        last: Option<&Self>,
        now: Timestamp,
        jitter: f64,
    ) -> Self {
        // Renewals that failed while nobody waited are not held against the first who does.
        let last = last.filter(|last| last.urgency == urgency);
        let in_a_row = last.map_or(1, |last| last.in_a_row.saturating_add(1));
        let doubled = |first: u64, longest: u64| {
            let seconds = first.saturating_mul(1 << (in_a_row - 1).min(16));
            Duration::from_secs(seconds.min(longest))
        };
        let is_final = !error.is_transient() && error.kind() != crate::ErrorKind::Malformed;
        let (rest, jitter_at_most, binds_all) = match (error.retry_after(), urgency) {
            (Some(asked), _) => (
                asked.max(Duration::from_secs(1)),
                Duration::from_secs(5),
                true,
            ),
            _ if is_final => (Duration::from_secs(60), Duration::MAX, true),
            (None, Urgency::Now) => (doubled(1, 30), Duration::MAX, true),
            (None, Urgency::Ahead) => (doubled(10, 60), Duration::MAX, false),
        };
        let longer = rest
            .mul_f64(jitter.clamp(0.0, 1.0) / 4.0)
            .min(jitter_at_most);
        let until = now.after((rest + longer).min(LONGEST));
        Self {
            error,
            until,
            binds_all,
            in_a_row,
            urgency,
            challenge: None,
        }
    }

    pub(super) fn of_challenge(self, challenge: Option<Arc<str>>) -> Self {
        Self { challenge, ..self }
    }

    /// Returns the failure as a caller gets it who comes at `now`: with what is left of the rest.
    pub(super) fn seen_at(&self, now: Timestamp) -> Error {
        self.error
            .clone()
            .with_retry_after(Some(now.until(self.until)))
    }
}

const LONGEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_rest_fits_what_failed() {
        use ErrorKind::{Malformed, Rejected, Unavailable};
        use Urgency::{Ahead, Now};
        let start = Timestamp::new(SystemTime::UNIX_EPOCH, Duration::ZERO);
        #[rustfmt::skip]
        let table = [
            // kind, Retry-After, urgency, failures in a row,  seconds of rest, binds all
            (Unavailable, None,        Now,   1,  1,     true),
            (Unavailable, None,        Now,   2,  2,     true),
            (Malformed,   None,        Now,   3,  4,     true),
            (Unavailable, None,        Now,   6,  30,    true),
            (Unavailable, None,        Now,   99, 30,    true),
            (Unavailable, None,        Ahead, 1,  10,    false),
            (Unavailable, None,        Ahead, 3,  40,    false),
            (Unavailable, None,        Ahead, 9,  60,    false),
            (Unavailable, Some(120),   Ahead, 1,  120,   true),
            (Unavailable, Some(0),     Now,   1,  1,     true),
            (Rejected,    None,        Now,   1,  60,    true),
            (Rejected,    None,        Ahead, 7,  60,    true),
        ];
        for (kind, retry_after, urgency, failures, seconds, binds_all) in table {
            let error =
                Error::new(kind, "x").with_retry_after(retry_after.map(Duration::from_secs));
            let next = |last: Option<Failure>| {
                Failure::new(error.clone(), urgency, last.as_ref(), start, 0.0)
            };
            let failure = (1..failures).fold(next(None), |last, _| next(Some(last)));
            assert_eq!(
                (failure.until, failure.binds_all),
                (start.after(Duration::from_secs(seconds)), binds_all),
                "{kind:?} {retry_after:?} {urgency:?} {failures}"
            );
        }
    }
}
