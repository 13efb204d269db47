//! What the tests of the client share: a house with the fake cloud, and listeners that write down
//! every byte.

#![allow(dead_code)] // each test binary takes what it needs

pub(crate) mod house;
pub(crate) mod raw;
