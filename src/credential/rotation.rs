//! Which refusals are worth one more look at the credential.

use crate::error::Error;

/// Returns `true` for a refusal that a credential replaced a moment ago would explain.
///
/// The kind of a failure never follows from an AADSTS number, for Microsoft may change them. Here
/// they decide one small thing only: whether the source of the credential is asked again, once, and
/// a different answer of it tried. A number that is missing costs a failed call at a rotation; one
/// too many costs one request.
pub(crate) fn hints_at_rotation(refusal: &Error) -> bool {
    refusal.oauth_error() == Some("invalid_client")
        && refusal
            .aadsts()
            .is_some_and(|number| ROTATED.contains(&number))
}

/// Assertion out of its time, key of an assertion unknown, secret wrong, secret expired.
const ROTATED: [u32; 4] = [700_024, 700_027, 7_000_215, 7_000_222];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Facts};

    #[test]
    fn only_a_refused_credential_is_looked_at_again() {
        #[rustfmt::skip]
        let table = [
            (Some("invalid_client"),      Some(7_000_215), true),
            (Some("invalid_client"),      Some(7_000_222), true),
            (Some("invalid_client"),      Some(700_027),   true),
            (Some("invalid_client"),      Some(700_024),   true),
            (Some("invalid_client"),      Some(700_213),   false),
            (Some("invalid_client"),      None,            false),
            (Some("unauthorized_client"), Some(7_000_215), false),
            (None,                        Some(7_000_215), false),
        ];
        for (oauth_error, aadsts, expected) in table {
            let facts = Facts {
                aadsts,
                oauth_error: oauth_error.map(Into::into),
                ..Facts::default()
            };
            let refusal = Error::new(ErrorKind::Rejected, "x").with_facts(facts);
            assert_eq!(
                hints_at_rotation(&refusal),
                expected,
                "{oauth_error:?} {aadsts:?}"
            );
        }
    }
}
