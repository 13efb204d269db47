//! The `claims` parameter: what a token must hold, asked for by a server or by the caller.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// Returns one JSON object that asks for all of `parts`, or `None` when there are none.
///
/// Objects are merged member by member; where two parts give one member different values, the
/// later part wins, so pass the server's challenge last.
pub(crate) fn merge<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut merged: Option<Map<String, Value>> = None;
    for part in parts {
        let Ok(part) = serde_json::from_str::<Map<String, Value>>(part) else {
            continue; // each was checked where it came in
        };
        merge_into(merged.get_or_insert_default(), part);
    }
    merged.map(|merged| Value::Object(merged).to_string())
}

/// Returns the JSON text of a challenge's `claims`, which comes in base64 of any kind, or raw.
pub(crate) fn decode(text: &str) -> Option<String> {
    let is_object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).is_ok();
    if text.len() > LIMIT {
        return None;
    }
    if is_object(text) {
        return Some(text.to_owned());
    }
    let standard: String = text
        .chars()
        .map(|c| {
            if c == '-' {
                '+'
            } else if c == '_' {
                '/'
            } else {
                c
            }
        })
        .collect();
    let bytes = ANY_PADDING.decode(standard.trim_end_matches('=')).ok()?;
    String::from_utf8(bytes).ok().filter(|text| is_object(text))
}

/// Says that this client understands claims challenges, which makes Entra issue tokens that live a
/// day and can be revoked at once.
pub(crate) const CLIENT_CAPABILITIES: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

fn merge_into(target: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, value) in part {
        match (target.get_mut(&name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge_into(into, from),
            (_, value) => {
                target.insert(name, value);
            }
        }
    }
}

const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
const LIMIT: usize = 16 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_merged_member_by_member() {
        let nbf = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
        let later = r#"{"access_token":{"nbf":{"essential":true,"value":"2"}},"id_token":null}"#;

        assert_eq!(merge([]), None);
        assert_eq!(merge([nbf]).as_deref(), Some(nbf));
        assert_eq!(
            merge([CLIENT_CAPABILITIES, nbf, later]).unwrap(),
            r#"{"access_token":{"nbf":{"essential":true,"value":"2"},"xms_cc":{"values":["cp1"]}},"id_token":null}"#
        );
    }

    #[test]
    fn claims_come_in_any_base64_or_raw() {
        let json = r#"{"a":"???>>>"}"#;
        let table = [
            "eyJhIjoiPz8/Pj4+In0=", // standard, padded
            "eyJhIjoiPz8/Pj4+In0",  // standard, bare
            "eyJhIjoiPz8_Pj4-In0=", // URL-safe, padded
            "eyJhIjoiPz8_Pj4-In0",  // URL-safe, bare
            json,
        ];
        for text in table {
            assert_eq!(decode(text).as_deref(), Some(json), "{text}");
        }
        for text in ["", "not base64!", "W10=", "eyJh", "////"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
