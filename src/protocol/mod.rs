//! The OAuth and Entra wire formats, as plain functions over bytes.
//!
//! Nothing here opens a socket, reads a clock, draws a random number or looks at the environment.
//! A request goes out as an `http::Request`, an answer comes in as an `http::Response`: every case
//! can be replayed without a server.
//!
//! | Module | Speaks |
//! |---|---|
//! | [`challenge`] | `WWW-Authenticate`, [RFC 9110 §11.6.1] and Entra's claims challenge |
//! | [`claims`] | the `claims` parameter, [OpenID Connect Core §5.5] |
//! | `client_assertion` | the JWT of a client certificate, [RFC 7523 §3] |
//! | [`error_response`] | refusals, [RFC 6749 §5.2] and Entra's own members |
//! | [`retry_after`] | `Retry-After`, [RFC 9110 §10.2.3] |
//! | [`token_request`] | calls of the token endpoint, [RFC 6749 §4] |
//! | [`token_response`] | its answers, [RFC 6749 §5.1] |
//!
//! May import: `error`, `diagnosis`, `secret`, `id`, `scope`, `token`. Nothing else of the crate.
//!
//! [OpenID Connect Core §5.5]: https://openid.net/specs/openid-connect-core-1_0.html#ClaimsParameter
//! [RFC 6749 §4]: https://www.rfc-editor.org/rfc/rfc6749#section-4
//! [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
//! [RFC 6749 §5.2]: https://www.rfc-editor.org/rfc/rfc6749#section-5.2
//! [RFC 7523 §3]: https://www.rfc-editor.org/rfc/rfc7523#section-3
//! [RFC 9110 §10.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
//! [RFC 9110 §11.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1

pub(crate) mod challenge;
pub(crate) mod claims;
#[cfg(feature = "certificate")]
pub(crate) mod client_assertion;
pub(crate) mod error_response;
pub(crate) mod retry_after;
pub(crate) mod text;
pub(crate) mod token_request;
pub(crate) mod token_response;
