//! Ids and secrets drawn at random, and the date formats of Microsoft's answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::entropy::{Entropy, SystemEntropy};
use crate::id::CorrelationId;

/// Returns a new GUID.
pub(super) fn guid() -> String {
    CorrelationId::from_random(u128::from_le_bytes(bytes())).to_string()
}

/// Returns a client secret that looks like Entra's: 40 characters, `Q~` at the fifth.
pub(super) fn client_secret() -> String {
    let drawn: [u8; 38] = bytes();
    let mut text: String = drawn
        .iter()
        .map(|&byte| ALPHABET[usize::from(byte) % ALPHABET.len()] as char)
        .collect();
    text.replace_range(3..4, "8");
    text.insert_str(4, "Q~");
    text
}

/// Returns `N` random bytes.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy
        .fill(&mut bytes)
        .expect("the system has a random generator");
    bytes
}

/// Returns seconds since 1970.
pub(super) fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns `at` as Entra writes it in its errors: `2026-01-01 00:00:00Z`.
pub(super) fn entra_date(at: SystemTime) -> String {
    iso_date(at).replace('T', " ")
}

/// Returns `at` in the form of RFC 3339: `2026-01-01T00:00:00Z`.
pub(super) fn iso_date(at: SystemTime) -> String {
    let seconds = seconds(at);
    let (year, month, day) = date_of(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns year, month and day, counting from 1970 in years that begin in March, so that a leap day
/// is a year's last.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// Returns the moment of `seconds` since 1970.
pub(super) fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_microsoft_writes_them() {
        #[rustfmt::skip]
        let table = [
            (0,             "1970-01-01T00:00:00Z"),
            (951_782_399,   "2000-02-28T23:59:59Z"),
            (951_782_400,   "2000-02-29T00:00:00Z"),
            (951_868_800,   "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(iso_date(moment(seconds)), expected);
        }
        assert_eq!(entra_date(moment(0)), "1970-01-01 00:00:00Z");
    }

    #[test]
    fn a_client_secret_looks_like_entras() {
        let secret = client_secret();
        assert_eq!(secret.len(), 40);
        assert_eq!(&secret[3..6], "8Q~");
        assert_ne!(secret, client_secret());
    }
}
