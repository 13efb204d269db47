//! How long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Returns the wait that `headers` ask for, in seconds or as a date; at most [`LONGEST`].
///
/// A date in the past is no wait at all; what cannot be read is as good as absent.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        true => Duration::from_secs(text.parse().unwrap_or(u64::MAX)),
        false => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST))
}

/// No server can silence a service for longer than this, whatever it says.
const LONGEST: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_capped() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        #[rustfmt::skip]
        let table = [
            ("0",                              Some(0)),
            ("60",                             Some(60)),
            (" 60 ",                           Some(60)),
            ("3600",                           Some(3_600)),
            ("1000000000",                     Some(3_600)),
            ("99999999999999999999999999",     Some(3_600)),
            ("Sun, 06 Nov 1994 08:49:57 GMT",  Some(20)),
            ("Sun, 06 Nov 1994 08:49:17 GMT",  Some(0)),
            ("Sat, 06 Nov 2094 08:49:17 GMT",  Some(3_600)),
            ("-5",                             None),
            ("1.5",                            None),
            ("soon",                           None),
            ("",                               None),
        ];

        for (text, seconds) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(
                retry_after(&headers, now),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }
}
