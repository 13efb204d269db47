//! Calling an API with a token: what to attach, where, and what an answer means.
//!
//! | Module | Does |
//! |---|---|
//! | [`api_error`] | reads the refusals of the APIs, in all their shapes |
//! | [`bearer`] | pure: where a token may go, what goes with it, what an answer calls for |
//! | [`page`] | pure: collections, and the way to their next page |
//! | `middleware` | the rules of `bearer`, as a layer of reqwest-middleware |
//! | `replay` | what it keeps of a call, to send it once more |
//! | `peek` | how it reads the beginning of a refusal and puts it back |
//! | `partner` | the HTTP client on top of it |
//! | `partner_request`, `partner_response` | what that sends and gets |
//! | `items` | all items of a collection, page by page |
//!
//! All but the first three are behind the feature `reqwest`.

pub(crate) mod api_error;
pub(crate) mod bearer;
#[cfg(feature = "reqwest")]
pub(crate) mod items;
#[cfg(feature = "reqwest")]
pub(crate) mod middleware;
pub(crate) mod page;
#[cfg(feature = "reqwest")]
pub(crate) mod partner;
#[cfg(feature = "reqwest")]
pub(crate) mod partner_request;
#[cfg(feature = "reqwest")]
pub(crate) mod partner_response;
#[cfg(feature = "reqwest")]
mod peek;
#[cfg(feature = "reqwest")]
mod replay;
