//! Whether a token is still good: when it is renewed, and when it is no longer given out.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::token::Life;

/// Returns the life of a token that was asked for at `asked_at` and lives for `lifetime`.
///
/// - It is renewed in the background from `refresh_in` on, when the server named one, else from
///   four fifths of its life; drawn by `jitter` (`0.0..1.0`) to up to a tenth of its life earlier,
///   or half the time until then when that is shorter, so that a fleet started together does not
///   come back together, and a token is never due as soon as it is there.
/// - It is given out until 30 seconds before its end, or a tenth of its life when that is shorter:
///   a token must survive the way to the API.
///
/// All counts from when the token was *asked* for, on both of our own clocks: the server's clock
/// does not matter.
pub(super) fn life(
    asked_at: Timestamp,
    lifetime: Duration,
    refresh_in: Option<Duration>,
    jitter: f64,
) -> Life {
    let margin = LAST_CALL.min(lifetime / 10);
    let dead_in = lifetime.saturating_sub(margin);
    let renew_in = refresh_in
        .filter(|&wish| !wish.is_zero() && wish < lifetime)
        .unwrap_or(lifetime / 5 * 4);
    let earlier = (lifetime / 10)
        .min(renew_in / 2)
        .mul_f64(jitter.clamp(0.0, 1.0));

    Life {
        renewal: asked_at.after(renew_in.saturating_sub(earlier).min(dead_in)),
        death: asked_at.after(dead_in),
        expiry: asked_at.after(lifetime),
    }
}

const LAST_CALL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_dies_and_dies_before_it_expires() {
        let start = Timestamp::new(SystemTime::UNIX_EPOCH, Duration::ZERO);
        #[rustfmt::skip]
        let table = [
            // lifetime, refresh_in, jitter,   renewed, dead, expired
            (3_600,  None,         0.0,        2_880,  3_570,  3_600),
            (3_600,  None,         1.0,        2_520,  3_570,  3_600),
            (3_600,  Some(1_800),  0.0,        1_800,  3_570,  3_600),
            (3_600,  Some(1_800),  0.5,        1_620,  3_570,  3_600),
            (3_600,  Some(3_600),  0.0,        2_880,  3_570,  3_600), // nonsense is not obeyed
            (3_600,  Some(3_599),  0.0,        3_570,  3_570,  3_600),
            (3_600,  Some(0),      0.0,        2_880,  3_570,  3_600),
            (3_600,  Some(60),     1.0,        30,     3_570,  3_600), // not due at once
            (86_400, Some(43_200), 0.0,        43_200, 86_370, 86_400),
            (300,    None,         0.0,        240,    270,    300),
            (10,     None,         0.0,        8,      9,      10),
            (0,      None,         1.0,        0,      0,      0),
        ];
        for (lifetime, refresh_in, jitter, renewed, dead, expired) in table {
            let seconds = Duration::from_secs;
            let life = life(start, seconds(lifetime), refresh_in.map(seconds), jitter);
            let actual = [life.renewal, life.death, life.expiry];
            let expected = [renewed, dead, expired].map(|at| start.after(seconds(at)));
            assert_eq!(actual, expected, "{lifetime} {refresh_in:?} {jitter}");
        }
    }
}
