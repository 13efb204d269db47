//! How the application proves itself: [`ClientSecret`].

mod secret;

pub use secret::ClientSecret;
