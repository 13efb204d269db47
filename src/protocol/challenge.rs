//! The challenges of a `401` or `403`: what the `WWW-Authenticate` headers want.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use super::claims;

/// What the `Bearer` challenges of an answer say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Challenge {
    /// The value of `error`, such as `invalid_token`.
    pub(crate) error: Option<String>,
    /// The claims that the next token must meet, as JSON text.
    pub(crate) claims: Option<String>,
}

impl Challenge {
    /// Returns what all the `Bearer` challenges in `headers` say together.
    ///
    /// They may stand in one header or in several, beside other schemes, and names come in any
    /// case ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut challenge = Self::default();
        for value in headers.get_all(WWW_AUTHENTICATE) {
            if let Ok(text) = value.to_str() {
                challenge.read(&text[..text.len().min(LIMIT)]);
            }
        }
        challenge
    }

    /// Returns `true` when the answer asks for claims, in either spelling of the error.
    pub(crate) fn wants_claims(&self) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        // The Partner API's documentation misspells it.
        error.eq_ignore_ascii_case("insufficient_claims")
            || error.eq_ignore_ascii_case("insufficent_claims")
    }

    fn read(&mut self, text: &str) {
        let mut is_bearer = false;
        for Item { scheme, parameter } in Items(text) {
            if let Some(scheme) = scheme {
                is_bearer = scheme.eq_ignore_ascii_case("bearer");
            }
            let Some((name, value)) = parameter.filter(|_| is_bearer) else {
                continue;
            };
            if name.eq_ignore_ascii_case("error") {
                self.error.get_or_insert(value);
            } else if name.eq_ignore_ascii_case("claims") && self.claims.is_none() {
                self.claims = claims::decode(&value);
            }
        }
    }
}

/// One step through a header: perhaps the name of a scheme, perhaps a parameter of the current one.
struct Item<'a> {
    scheme: Option<&'a str>,
    parameter: Option<(&'a str, String)>,
}

struct Items<'a>(&'a str);

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
        if self.0.is_empty() {
            return None;
        }
        let word = self.word();
        if word.is_empty() {
            // Not a token: step over it, so that one odd character does not hide the rest.
            let mut rest = self.0.chars();
            rest.next();
            self.0 = rest.as_str();
            return Some(Item {
                scheme: None,
                parameter: None,
            });
        }
        let after = self.0.trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            Some(value) => {
                self.0 = value.trim_start_matches([' ', '\t']);
                Some(Item {
                    scheme: None,
                    parameter: Some((word, self.value())),
                })
            }
            None => Some(Item {
                scheme: Some(word),
                parameter: None,
            }),
        }
    }
}

impl<'a> Items<'a> {
    fn word(&mut self) -> &'a str {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
        let end = self.0.find(|c| !is_word(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    fn value(&mut self) -> String {
        let Some(quoted) = self.0.strip_prefix('"') else {
            let end = self.0.find([',', ' ', '\t']).unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return value.to_owned();
        };

        let mut value = String::new();
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => value.extend(chars.next()),
                c => value.push(c),
            }
        }
        self.0 = chars.as_str();
        value
    }
}

const LIMIT: usize = 32 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&str]) -> Challenge {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn claims_are_found_in_every_form_servers_send() {
        let claims = Some(r#"{"a":1}"#.to_owned());
        let table: [&[&str]; 9] = [
            &[
                r#"Bearer realm="", authorization_uri="https://x/authorize", error="insufficient_claims", claims="eyJhIjoxfQ==""#,
            ],
            &[r#"bearer ERROR=insufficient_claims, CLAIMS="eyJhIjoxfQ""#],
            &[r#"PoP nonce="n", Bearer error="insufficient_claims", claims="eyJhIjoxfQ==""#],
            &[
                r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ==", PoP nonce="n", error="other", claims="e30=""#,
            ],
            &[
                "Negotiate",
                r#"Bearer error="insufficient_claims",claims="eyJhIjoxfQ==""#,
            ],
            &[
                r#"Bearer error="insufficient_claims""#,
                r#"Bearer claims="eyJhIjoxfQ==""#,
            ],
            &[r#"Bearer error="insufficient_claims", claims="{\"a\":1}""#],
            &[
                r#"Bearer realm="a, b=\"c\"", error = "insufficient_claims" , claims = "eyJhIjoxfQ==""#,
            ],
            &[r#"Bearer error="insufficent_claims", claims="eyJhIjoxfQ==""#],
        ];
        for values in table {
            let challenge = challenge(values);
            assert!(challenge.wants_claims(), "{values:?}");
            assert_eq!(challenge.claims, claims, "{values:?}");
        }
    }

    #[test]
    fn an_expired_token_is_no_claims_challenge() {
        let challenge =
            challenge(&[r#"Bearer error="invalid_token", error_description="it expired""#]);
        assert!(!challenge.wants_claims());
        assert_eq!(challenge.error.as_deref(), Some("invalid_token"));
    }

    #[test]
    fn another_schemes_claims_are_not_ours() {
        let challenge = challenge(&[r#"PoP error="insufficient_claims", claims="eyJhIjoxfQ==""#]);
        assert_eq!(challenge, Challenge::default());
    }

    #[test]
    fn odd_headers_end() {
        for value in [
            "",
            ",,,",
            "=",
            "Bearer",
            "Bearer =",
            r#"Bearer error=""#,
            "(((",
            "Bearer a==b",
        ] {
            challenge(&[value]);
        }
    }
}
