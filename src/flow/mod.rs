//! Getting a token from Entra once: a grant, carried over a transport. Flows know no cache.

mod exchange;

pub(crate) use exchange::{Ask, Exchange};
