//! What a refusal means, which setup step it points to, and what to do next.
//!
//! Everything here is a pure function over text and numbers: no I/O, no clock, no network. Advice
//! comes from tables in the crate, so it works offline and says the same thing twice.
//!
//! | Module | Knows |
//! |---|---|
//! | `step` | the steps of a setup and where each is done |
//! | `aadsts` | the `AADSTS` numbers of Entra |
//! | `service` | the error texts of the Partner APIs, Graph and the consent page |
//!
//! Numbers and texts are hints for people; Microsoft changes them. Nothing in the crate decides
//! what to do next by what is found here.
//!
//! Imports nothing of the crate.

mod aadsts;
mod service;
mod step;

use std::borrow::Cow;
use std::fmt;

pub use step::SetupStep;

/// What went wrong, which setup step is missing, and what to do next.
///
/// `Display` writes one line: the meaning, then the remedy. The texts are for people and may
/// change in any release; match on [`step`](Self::step) instead.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnosis {
    /// The setup step to look at first.
    pub step: SetupStep,
    /// What the refusal means, in whole sentences.
    pub meaning: Cow<'static, str>,
    /// What to do about it, in whole sentences.
    pub remedy: Cow<'static, str>,
    /// `true` when the same request may work later with nobody doing anything.
    pub retryable: bool,
    /// An `https` link to Microsoft's or the standard's own words.
    pub docs: Cow<'static, str>,
}

impl Diagnosis {
    /// Returns what the first error that this crate knows in `text` means.
    ///
    /// `text` is anything: a log line, an error message, the body of an answer, a redirect URL
    /// with percent-encoding. The first known `AADSTS` number wins, then the known error texts of
    /// the Partner APIs, Microsoft Graph and the consent page; a number that nobody knows still
    /// gets a link to Microsoft's look-up page. Only the first 8 KiB are read. Nothing is sent
    /// anywhere.
    ///
    /// ```
    /// use partner_auth::{Diagnosis, SetupStep};
    ///
    /// let line = "error=invalid_client&error_description=AADSTS7000215%3a+Invalid+client+secret";
    /// let diagnosis = Diagnosis::explain(line).ok_or("nothing known in it")?;
    ///
    /// assert_eq!(diagnosis.step, SetupStep::AppCredential);
    /// assert_eq!(diagnosis.docs, "https://login.microsoftonline.com/error?code=7000215");
    /// assert!(!diagnosis.retryable);
    ///
    /// assert_eq!(Diagnosis::explain("connection reset by peer"), None);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn explain(text: &str) -> Option<Self> {
        let window = Window::new(text);
        let codes: Vec<u32> = window.aadsts_codes().collect();

        first_known(&codes)
            .or_else(|| service::find(None, None, &window))
            .or_else(|| {
                let is_numbered = !codes.is_empty();
                is_numbered.then(|| refusal(&codes, window.oauth_error()))
            })
    }

    /// Returns what to say where no number and no text says it better.
    pub(crate) fn of_kind(
        step: SetupStep,
        meaning: &'static str,
        remedy: &'static str,
        retryable: bool,
    ) -> Self {
        let docs = match step {
            SetupStep::Runtime | SetupStep::Request => AUTHENTICATION,
            _ => ONBOARDING,
        };
        Self {
            step,
            meaning: meaning.into(),
            remedy: remedy.into(),
            retryable,
            docs: docs.into(),
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.meaning, self.remedy)
    }
}

/// Returns what a refusal of the token or authorization endpoint means.
///
/// `codes` are the `error_codes` of the answer, `oauth_error` is its `error`. The first known
/// number wins; without one, the advice follows the class of `oauth_error`. Text of the server is
/// never copied into the diagnosis.
pub(crate) fn refusal(codes: &[u32], oauth_error: Option<&str>) -> Diagnosis {
    first_known(codes).unwrap_or_else(|| {
        let class = CLASSES
            .iter()
            .find(|class| Some(class.error) == oauth_error)
            .unwrap_or(&UNCLASSED);
        class.diagnosis(codes.first().copied())
    })
}

/// Returns what an error text of a service means, or `None` for a text that is not in the table.
///
/// `service` is `api.partner.microsoft.com`, `api.partnercenter.microsoft.com`, `graph` or
/// `adminconsent`, whatever the cloud. With `status` unknown, the text alone must tell.
pub(crate) fn service(service: &str, status: Option<u16>, text: &str) -> Option<Diagnosis> {
    service::find(Some(service), status, &Window::new(text))
}

fn first_known(codes: &[u32]) -> Option<Diagnosis> {
    codes.iter().find_map(|&code| aadsts::find(code))
}

const AUTHENTICATION: &str =
    "https://learn.microsoft.com/partner-center/developer/partner-center-authentication";
const ONBOARDING: &str =
    "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model";

/// Microsoft's look-up page for an `AADSTS` number.
fn look_up(code: u32) -> String {
    format!("https://login.microsoftonline.com/error?code={code}")
}

/// The part of a text that is searched: bounded, percent-decoded once, in lower case.
#[derive(Debug)]
struct Window(String);

impl Window {
    const LIMIT: usize = 8 * 1024;

    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut seen = bytes.get(..Self::LIMIT).unwrap_or(bytes);
        if seen.len() < bytes.len() {
            // Half a word is another word: AADSTS7000215 cut short would read as AADSTS70002.
            while let [head @ .., last] = seen
                && last.is_ascii_alphanumeric()
            {
                seen = head;
            }
        }

        let decoded = percent_decoded(seen);
        Self(String::from_utf8_lossy(&decoded).to_ascii_lowercase())
    }

    /// The numbers of five to seven digits that follow the word `AADSTS`, in the text's order.
    fn aadsts_codes(&self) -> impl Iterator<Item = u32> {
        self.0.split("aadsts").skip(1).filter_map(|rest| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            match digits.len() {
                5..=7 => digits.parse().ok(),
                _ => None,
            }
        })
    }

    /// The first OAuth `error` value that the text names.
    fn oauth_error(&self) -> Option<&'static str> {
        let named = CLASSES
            .iter()
            .filter_map(|class| Some((self.find(class.error)?, class)));
        let (_, class) = named.min_by_key(|(at, _)| *at)?;
        Some(class.error)
    }

    /// Where `phrase` starts. A number is found only as a number of its own, not inside a longer
    /// number or an id.
    fn find(&self, phrase: &str) -> Option<usize> {
        let phrase = phrase.to_ascii_lowercase();
        let is_digit = |c: char| c.is_ascii_digit();
        let is_word = |c: char| c.is_ascii_alphanumeric();

        let mut places = self.0.match_indices(&phrase);
        let (at, _) = places.find(|(at, found)| {
            let (before, after) = (&self.0[..*at], &self.0[at + found.len()..]);
            let glued_before = phrase.starts_with(is_digit) && before.ends_with(is_word);
            let glued_after = phrase.ends_with(is_digit) && after.starts_with(is_word);
            !glued_before && !glued_after
        })?;
        Some(at)
    }
}

fn percent_decoded(mut rest: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, escaped(tail)) {
            (b'%', Some((byte, after))) => (byte, after),
            (b'+', _) => (b' ', tail),
            (first, _) => (*first, tail),
        };
        decoded.push(byte);
        rest = after;
    }
    decoded
}

/// The byte that two hex digits stand for, and what follows them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, after @ ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    Some((byte, after))
}

/// Advice for an OAuth `error` value whose `AADSTS` number says nothing to us.
#[derive(Debug)]
struct Class {
    error: &'static str,
    step: SetupStep,
    retryable: bool,
    meaning: &'static str,
    remedy: &'static str,
    docs: &'static str,
}

impl Class {
    fn diagnosis(&self, code: Option<u32>) -> Diagnosis {
        let (meaning, docs) = match code {
            Some(code) => {
                let meaning = self.meaning.trim_end_matches('.');
                (
                    format!("{meaning} (AADSTS{code}).").into(),
                    look_up(code).into(),
                )
            }
            None => (self.meaning.into(), self.docs.into()),
        };
        Diagnosis {
            step: self.step,
            meaning,
            remedy: self.remedy.into(),
            retryable: self.retryable,
            docs,
        }
    }
}

const fn class(
    error: &'static str,
    step: SetupStep,
    retryable: bool,
    docs: &'static str,
    meaning: &'static str,
    remedy: &'static str,
) -> Class {
    Class {
        error,
        step,
        retryable,
        meaning,
        remedy,
        docs,
    }
}

const AUTHORIZE: &str = "https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1";
const DEVICE: &str = "https://www.rfc-editor.org/rfc/rfc8628#section-3.5";
const ENTRA: &str = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes";
const TOKEN: &str = "https://www.rfc-editor.org/rfc/rfc6749#section-5.2";

#[rustfmt::skip]
const CLASSES: &[Class] = &[
    //    error                        step                                 retry  docs       meaning, remedy
    class("access_denied",             SetupStep::UserSignIn,               false, AUTHORIZE, "The user or an administrator declined.", "Repeat the sign-in and accept, or let an admin consent for everyone."),
    class("authorization_declined",    SetupStep::UserSignIn,               false, ENTRA,     "The user declined the device-code sign-in.", "Start device-code sign-in again and approve it."),
    class("authorization_pending",     SetupStep::UserSignIn,               true,  DEVICE,    "The user has not finished the device-code sign-in yet.", "Keep polling at the given interval."),
    class("bad_token",                 SetupStep::UserSignIn,               false, ENTRA,     "The token that was sent is not usable.", "Sign in again and store the new refresh token."),
    class("bad_verification_code",     SetupStep::Request,                  false, ENTRA,     "The device code that was sent is not one that Entra issued.", "Send the device_code of the answer that started this sign-in."),
    class("consent_required",          SetupStep::ConsentAdmin,             false, ENTRA,     "Nobody consented to this app for this API.", "Grant admin consent, or sign in interactively and consent."),
    class("expired_token",             SetupStep::UserSignIn,               false, DEVICE,    "The device code ran out.", "Start device-code sign-in again."),
    class("interaction_required",      SetupStep::UserSignIn,               false, ENTRA,     "The user must act before Entra issues a token.", "Sign in interactively with MFA and store the new refresh token."),
    class("interrupted_user",          SetupStep::UserSignIn,               false, ENTRA,     "The sign-in was interrupted before it was finished.", "Sign in interactively and finish every page."),
    class("invalid_client",            SetupStep::AppCredential,            false, TOKEN,     "The application did not prove who it is.", "Check the client id, and the secret, certificate or assertion that was sent; create a new one if it expired."),
    class("invalid_grant",             SetupStep::UserSignIn,               false, TOKEN,     "The refresh token, code or assertion is not valid, or not valid any more.", "Sign in again and store the new refresh token; redeem each code once."),
    class("invalid_request",           SetupStep::Request,                  false, TOKEN,     "The request lacks a parameter, or has one that is not acceptable.", "Compare the request with the protocol reference; send each value encoded once."),
    class("invalid_resource",          SetupStep::ResourceServicePrincipal, false, ENTRA,     "The API that was asked for is not known in the tenant.", "Check the API's URI and the directory id, then create the API's service principal in the tenant."),
    class("invalid_scope",             SetupStep::Request,                  false, TOKEN,     "The scope is not valid.", "Ask for one API, by its /.default scope or a scope that it offers."),
    class("login_required",            SetupStep::UserSignIn,               false, ENTRA,     "Nobody is signed in.", "Sign in interactively."),
    class("server_error",              SetupStep::Runtime,                  true,  AUTHORIZE, "Entra failed while handling the request.", "Retry with backoff; if it stays, open a support case with trace id, correlation id and time."),
    class("slow_down",                 SetupStep::UserSignIn,               true,  DEVICE,    "The program asks too often whether the user has signed in.", "Keep polling, five seconds slower than before."),
    class("temporarily_unavailable",   SetupStep::Runtime,                  true,  AUTHORIZE, "Entra is busy or down.", "Retry with backoff."),
    class("unauthorized_client",       SetupStep::AppRegister,              false, TOKEN,     "The application may not use this grant, or is not known in the tenant.", "Check the client id and the directory id, and that the app has a service principal in the tenant."),
    class("unsupported_grant_type",    SetupStep::Request,                  false, TOKEN,     "The grant type is unknown or not supported.", "Use authorization_code, refresh_token, client_credentials or the device_code URN."),
    class("unsupported_response_type", SetupStep::Request,                  false, AUTHORIZE, "The response type is not supported.", "Use response_type=code."),
];

#[rustfmt::skip]
const UNCLASSED: Class =
    class("",                          SetupStep::Request,                  false, ENTRA,     "Entra refused the request.", "Look the error up under the docs link; if it stays, open a support case with trace id, correlation id and time.");

#[cfg(test)]
mod tests {
    use super::{CLASSES, Diagnosis, SetupStep, UNCLASSED, Window, aadsts, refusal, service};

    #[test]
    fn a_number_is_found_in_any_text() {
        #[rustfmt::skip]
        let table = [
            ("AADSTS65001: The user or administrator has not consented to use the application", 65_001),
            ("2026-11-21T20:01:07Z ERROR token: invalid_client: aadsts7000215: Invalid client secret provided. Trace ID: 8a3f", 7_000_215),
            (r#"{"error":"invalid_grant","error_description":"AADSTS50076: Due to a configuration change","error_codes":[50076]}"#, 50_076),
            ("http://localhost/?error=access_denied&error_description=AADSTS65004%3a+User+declined", 65_004),
            ("redirect=http%3A%2F%2Flocalhost%3Ferror_description%3DAADSTS700016%253a%2520Application", 700_016),
            (r#"{"message":"\nAADSTS500011\n"}"#, 500_011),
            ("AADSTS (see below) … AADSTS90002", 90_002),
            ("AADSTS1234567: nobody knows. AADSTS50011: but this one", 50_011),
        ];

        for (text, code) in table {
            assert_eq!(Diagnosis::explain(text), aadsts::find(code), "{text}");
        }
    }

    #[test]
    fn a_number_has_five_to_seven_digits() {
        let codes = |text| Window::new(text).aadsts_codes().collect::<Vec<_>>();

        assert!(codes("AADSTS6500").is_empty());
        assert_eq!(codes("AADSTS65001"), [65_001]);
        assert_eq!(codes("AADSTS7000215"), [7_000_215]);
        assert!(codes("AADSTS70002150").is_empty());
    }

    #[test]
    fn an_error_text_of_any_service_is_found_when_there_is_no_number() {
        let step = |text| Diagnosis::explain(text).map(|diagnosis| diagnosis.step);

        assert_eq!(step("401: {\"code\":\"900421\"}"), Some(SetupStep::UserMfa));
        assert_eq!(
            step("Insufficient+privileges+to+complete+the+operation."),
            Some(SetupStep::AdminRole)
        );
        assert_eq!(
            step("?admin_consent=True&error=consent_required"),
            Some(SetupStep::ConsentAdmin)
        );
    }

    #[test]
    fn a_text_that_says_nothing_gets_no_diagnosis() {
        for text in [
            "",
            "200 OK",
            "401 Unauthorized",
            "429 Too Many Requests",
            "id 1900421",
            "%",
            "%4",
            "AADSTS",
        ] {
            assert_eq!(Diagnosis::explain(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_first_8_kib_are_read() {
        let explain = |blanks: usize, text: &str| Diagnosis::explain(&(" ".repeat(blanks) + text));
        let fits = Window::LIMIT - "AADSTS65001".len();

        assert_eq!(explain(fits, "AADSTS65001"), aadsts::find(65_001));
        assert_eq!(explain(fits - 1, "AADSTS65001:"), aadsts::find(65_001));
        assert_eq!(explain(fits + 1, "AADSTS65001"), None);
        // Cut after five of its seven digits, this would be AADSTS70002.
        assert_eq!(explain(fits, "AADSTS7000215"), None);
    }

    #[test]
    fn a_multi_byte_character_may_be_cut_anywhere() {
        for shift in 0..4 {
            let text = format!("AADSTS65001{}{}", " ".repeat(shift), "🦀é€".repeat(2_000));
            assert_eq!(Diagnosis::explain(&text), aadsts::find(65_001));
            let text = format!("{}{}", " ".repeat(shift), "🦀%F0%9F".repeat(2_000));
            assert_eq!(Diagnosis::explain(&text), None);
        }
    }

    #[test]
    fn the_first_known_number_of_a_refusal_wins() {
        assert_eq!(
            Some(refusal(&[7_000_215], Some("invalid_client"))),
            aadsts::find(7_000_215)
        );
        assert_eq!(
            Some(refusal(&[1_234_567, 50_076], Some("invalid_client"))),
            aadsts::find(50_076)
        );
    }

    #[test]
    fn an_unknown_number_gets_the_advice_of_its_class_and_a_look_up_link() {
        let diagnosis = refusal(&[1_234_567], Some("invalid_client"));

        assert_eq!(aadsts::find(1_234_567), None);
        assert_eq!(diagnosis.step, SetupStep::AppCredential);
        assert_eq!(
            diagnosis.meaning,
            "The application did not prove who it is (AADSTS1234567)."
        );
        assert_eq!(
            diagnosis.docs,
            "https://login.microsoftonline.com/error?code=1234567"
        );

        let line = "invalid_client: AADSTS1234567: something new; see interaction_required";
        assert_eq!(Diagnosis::explain(line), Some(diagnosis));
    }

    #[test]
    fn a_refusal_without_a_number_is_told_by_its_oauth_error() {
        #[rustfmt::skip]
        let table = [
            (Some("consent_required"),        SetupStep::ConsentAdmin,             false),
            (Some("interaction_required"),    SetupStep::UserSignIn,               false),
            (Some("invalid_client"),          SetupStep::AppCredential,            false),
            (Some("invalid_grant"),           SetupStep::UserSignIn,               false),
            (Some("invalid_resource"),        SetupStep::ResourceServicePrincipal, false),
            (Some("invalid_scope"),           SetupStep::Request,                  false),
            (Some("slow_down"),               SetupStep::UserSignIn,               true),
            (Some("temporarily_unavailable"), SetupStep::Runtime,                  true),
            (Some("unauthorized_client"),     SetupStep::AppRegister,              false),
            (Some("\r\nmade up"),             SetupStep::Request,                  false),
            (None,                            SetupStep::Request,                  false),
        ];

        for (error, step, retryable) in table {
            let diagnosis = refusal(&[], error);
            assert_eq!(
                (diagnosis.step, diagnosis.retryable),
                (step, retryable),
                "{error:?}"
            );
            assert!(diagnosis.docs.starts_with("https://"), "{error:?}");
            assert!(!diagnosis.to_string().contains("made up"));
        }
    }

    #[test]
    fn every_class_is_listed_once_and_in_whole_sentences() {
        assert!(CLASSES.is_sorted_by(|a, b| a.error < b.error));
        for class in CLASSES.iter().chain([&UNCLASSED]) {
            assert!(class.meaning.ends_with('.'), "{class:?}");
            assert!(class.remedy.ends_with('.'), "{class:?}");
        }
    }

    #[test]
    fn a_diagnosis_is_displayed_on_one_line() {
        let diagnosis = refusal(&[], Some("login_required"));
        assert_eq!(
            diagnosis.to_string(),
            "Nobody is signed in. Sign in interactively."
        );
    }

    #[test]
    fn a_service_is_asked_by_name() {
        let text = "900421";
        assert!(service("api.partnercenter.microsoft.com", Some(401), text).is_some());
        assert!(service("API.PartnerCenter.Microsoft.com", None, text).is_some());
        assert_eq!(
            service("api.partnercenter.microsoft.com", Some(403), text),
            None
        );
        assert_eq!(service("api.partner.microsoft.com", Some(401), text), None);
        assert_eq!(service("example.com", Some(401), text), None);
    }
}
