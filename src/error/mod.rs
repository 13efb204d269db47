//! What can go wrong: [`ConfigError`] while building, [`Error`] while running.

mod config;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::config::{ConfigError, FileFlaw, Flaw};
use crate::diagnosis::{Diagnosis, SetupStep};

/// A failure to obtain, store or attach a token, or a call that an API refused.
///
/// Ask [`kind`](Self::kind) what to do next, or use one of the predicates. `Display` is two lines
/// for people, what happened and what to do; it may change in any release, so do not match on it.
///
/// One pointer wide and cheap to clone: one failure is shared by every caller that waited for it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

impl Error {
    /// Returns what the caller should do next.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns `true` when the same call may succeed later with nobody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Network | ErrorKind::Unavailable)
    }

    /// Returns `true` when a person must sign in, pass MFA or consent before the next attempt.
    #[must_use]
    pub fn needs_interaction(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::InteractionRequired | ErrorKind::MfaRequired
        )
    }

    /// Returns `true` when the program or its settings must change first.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::AppOnlyNotSupported
                | ErrorKind::Config
                | ErrorKind::OriginRefused
                | ErrorKind::WrongAudience
        )
    }

    /// Returns how long to wait before the next attempt, when the server or the cache said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the HTTP status that came with the failure.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.facts.status
    }

    /// Returns the OAuth error code, such as `invalid_client`
    /// ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    #[must_use]
    pub fn oauth_error(&self) -> Option<&str> {
        self.0.facts.oauth_error.as_deref()
    }

    /// Returns Entra's `suberror`, which refines `invalid_grant` and `interaction_required`.
    #[must_use]
    pub fn suberror(&self) -> Option<&str> {
        self.0.facts.suberror.as_deref()
    }

    /// Returns the first AADSTS number. A hint for people: Entra may change them at any time.
    #[must_use]
    pub fn aadsts(&self) -> Option<u32> {
        self.0.facts.aadsts
    }

    /// Returns the id that names the failed call at Microsoft. Give it to support.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.facts.correlation_id.as_deref()
    }

    /// Returns the id that names Microsoft's own trace of the failed call. Give it to support.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.facts.trace_id.as_deref()
    }

    /// Returns the claims that the server wants to see met, as JSON text.
    ///
    /// Give them to the next sign-in, or, in a middle tier, to the caller in a `401`.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.0.facts.claims.as_deref()
    }

    /// Returns which setup step is missing and what to do about it.
    #[must_use]
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.0.diagnosis
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            facts: Facts::default(),
            retry_after: None,
            diagnosis: kind.diagnosis(),
            is_explained: false,
            source: None,
        }))
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn with_claims(mut self, claims: String) -> Self {
        self.edit(|inner| inner.facts.claims = Some(claims.into()));
        self
    }

    /// Names the call by the id that was sent, when the answer names none.
    pub(crate) fn or_correlation_id(mut self, sent: impl fmt::Display) -> Self {
        if self.correlation_id().is_none() {
            self.edit(|inner| inner.facts.correlation_id = Some(sent.to_string().into()));
        }
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.edit(|inner| inner.kind = kind);
        self
    }

    pub(crate) fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.source = Some(Arc::new(source)));
        self
    }

    pub(crate) fn caused_by_any(mut self, source: Box<dyn StdError + Send + Sync>) -> Self {
        self.edit(|inner| inner.source = Some(Arc::from(source)));
        self
    }

    pub(crate) fn with_diagnosis(mut self, diagnosis: Diagnosis) -> Self {
        self.edit(|inner| {
            inner.diagnosis = diagnosis;
            inner.is_explained = true;
        });
        self
    }

    pub(crate) fn with_facts(mut self, facts: Facts) -> Self {
        self.edit(|inner| inner.facts = facts);
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.edit(|inner| inner.retry_after = retry_after);
        self
    }

    /// Only its maker edits an error, before anybody else holds a clone of it; a shared one is
    /// copied first.
    fn edit(&mut self, change: impl FnOnce(&mut Inner)) {
        change(Arc::make_mut(&mut self.0));
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            message,
            facts,
            diagnosis,
            is_explained,
            ..
        } = &*self.0;
        write!(f, "{message}")?;
        if let Some(aadsts) = facts.aadsts {
            write!(f, " (AADSTS{aadsts})")?;
        } else if let Some(oauth_error) = &facts.oauth_error {
            write!(f, " ({oauth_error})")?;
        }
        if *is_explained {
            write!(f, ": {}", diagnosis.meaning)?;
        }
        if let Some(description) = &facts.description {
            write!(f, " The server said: {description}")?;
        }
        write!(f, "\n{}: {}", diagnosis.step, diagnosis.remedy)?;
        if let Some(correlation_id) = &facts.correlation_id {
            write!(f, " Correlation id {correlation_id}.")?;
        }
        if let Some(trace_id) = &facts.trace_id {
            write!(f, " Trace id {trace_id}.")?;
        }
        Ok(())
    }
}

/// The same two lines, and what caused them: it is `Debug` that `main` and `unwrap` print. With `{:#?}`
/// the parts, by name.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            message,
            facts,
            retry_after,
            diagnosis,
            source,
            ..
        } = &*self.0;
        if f.alternate() {
            return f
                .debug_struct("Error")
                .field("kind", kind)
                .field("message", message)
                .field("facts", facts)
                .field("retry_after", retry_after)
                .field("step", &diagnosis.step)
                .field("source", source)
                .finish();
        }
        write!(f, "{self}")?;
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            write!(f, "\ncaused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    facts: Facts,
    retry_after: Option<Duration>,
    diagnosis: Diagnosis,
    /// The diagnosis says more than the message.
    is_explained: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a server told of a failure, made safe to print.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) status: Option<u16>,
    pub(crate) oauth_error: Option<Box<str>>,
    pub(crate) suberror: Option<Box<str>>,
    pub(crate) aadsts: Option<u32>,
    pub(crate) description: Option<Box<str>>,
    pub(crate) correlation_id: Option<Box<str>>,
    pub(crate) trace_id: Option<Box<str>>,
    pub(crate) claims: Option<Box<str>>,
}

/// The claims are for the next sign-in and not for a log.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("status", &self.status)
            .field("oauth_error", &self.oauth_error)
            .field("suberror", &self.suberror)
            .field("aadsts", &self.aadsts)
            .field("description", &self.description)
            .field("correlation_id", &self.correlation_id)
            .field("trace_id", &self.trace_id)
            .field("has_claims", &self.claims.is_some())
            .finish()
    }
}

/// The next step, named for the person or program that has to take it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorKind {
    /// The API understood the caller and refused the call. See
    /// [`Error::api_error`](Error::api_error); the token is not the trouble.
    Api,
    /// The API takes no app-only token here. Use an app + user provider for this call.
    AppOnlyNotSupported,
    /// The program is set up wrongly. Change the code or the settings.
    Config,
    /// A user must act: sign in or consent. Show them a sign-in; do not retry.
    InteractionRequired,
    /// The server answered with something that cannot be read. Look for a proxy in between, then
    /// report it.
    Malformed,
    /// The API wants a token from a sign-in with MFA. Sign in again; a refresh cannot add it.
    MfaRequired,
    /// No answer arrived. Try again.
    Network,
    /// The URL is not one of the API's own, so nothing was sent. Change the URL.
    OriginRefused,
    /// Entra, or the API, refused the credential or the token. Retrying will not help.
    Rejected,
    /// The server is busy or down. Try again after [`Error::retry_after`].
    Unavailable,
    /// The token is meant for another API. Ask for a token of this one.
    WrongAudience,
}

impl ErrorKind {
    /// What to say where no number or text of the server says it better.
    fn diagnosis(self) -> Diagnosis {
        #[rustfmt::skip]
        let (step, meaning, remedy) = match self {
            Self::Api => (SetupStep::Request,
                "The API refused the call, not the token.",
                "Read the API's code and message, and change the call."),
            Self::AppOnlyNotSupported => (SetupStep::UserSignIn,
                "This call takes app + user tokens only.",
                "Sign a user in (browser, device code or a stored refresh token) instead of app-only access."),
            Self::Config => (SetupStep::Request,
                "The program is set up in a way that cannot work.",
                "Change the code or the settings as the text above says."),
            Self::InteractionRequired => (SetupStep::UserSignIn,
                "A user must sign in or consent first.",
                "Show the user a sign-in; do not retry before."),
            Self::Malformed => (SetupStep::Runtime,
                "The answer is not what a token endpoint says.",
                "Look for a proxy, a captive portal or a wrong authority in between."),
            Self::MfaRequired => (SetupStep::UserMfa,
                "The token comes from a sign-in without multi-factor authentication.",
                "Sign in again interactively with MFA and keep the new refresh token; a refresh cannot add it."),
            Self::Network => (SetupStep::Runtime,
                "No complete answer arrived.",
                "Check name resolution, proxy, firewall and TLS roots on the way to that host; then try again."),
            Self::OriginRefused => (SetupStep::Request,
                "A token goes to its own API's origin and nowhere else.",
                "Use a path of the API, or a plain HTTP client without a token for other hosts."),
            Self::Rejected => (SetupStep::AppCredential,
                "The server refused what the application showed.",
                "Check the directory id, the application id and the key value against the app registration."),
            Self::Unavailable => (SetupStep::Runtime,
                "The server is busy or down.",
                "Nothing to do but wait: the call may succeed later as it is."),
            Self::WrongAudience => (SetupStep::Request,
                "The token was issued for another API.",
                "Ask for a token of this API: one token serves one API only."),
        };
        let retryable = matches!(self, Self::Network | Self::Unavailable);
        Diagnosis::of_kind(step, meaning, remedy, retryable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn an_error_reads_as_what_happened_and_what_to_do() {
        let facts = Facts {
            aadsts: Some(7_000_215),
            correlation_id: Some("c-1".into()),
            trace_id: Some("t-1".into()),
            ..Facts::default()
        };
        let diagnosis = crate::diagnosis::refusal(&[7_000_215], None);
        let error = Error::new(ErrorKind::Rejected, "Entra refused the application")
            .with_facts(facts)
            .with_diagnosis(diagnosis);

        let text = error.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].starts_with("Entra refused the application (AADSTS7000215): "),
            "{text}"
        );
        assert!(lines[1].starts_with("app.credential: "), "{text}");
        assert!(
            lines[1].ends_with("Correlation id c-1. Trace id t-1."),
            "{text}"
        );
    }
}
