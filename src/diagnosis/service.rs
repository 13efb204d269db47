//! What the error texts of the Partner APIs, Microsoft Graph and the consent page mean.
//!
//! These services have no numbers that one can rely on, so a row is found by its words, in the
//! services' own spelling. When several rows fit, the longest words win.

use std::cmp::Reverse;

use super::SetupStep::{
    self, AdminRole, AdminSignIn, AppCredential, AppPermission, ConsentAdmin, Policy, Request,
    Runtime, UserMfa, UserRole, UserSignIn,
};
use super::{Diagnosis, Window};
use Status::{Any, Only, Usual};

/// Returns the row that says most about `text`, of one service or of all.
pub(super) fn find(service: Option<&str>, status: Option<u16>, text: &Window) -> Option<Diagnosis> {
    let is_asked = |row: &&Row| service.is_none_or(|id| row.service.id.eq_ignore_ascii_case(id));
    let fits = |row: &&Row| row.status.fits(status);

    let found = TABLE.iter().filter(is_asked).filter(fits);
    let found = found.filter_map(|row| Some((row.longest_match(text)?, row)));
    let (_, row) = found.min_by_key(|(length, _)| Reverse(*length))?;
    Some(row.diagnosis())
}

#[derive(Debug)]
struct Row {
    service: &'static Service,
    status: Status,
    step: SetupStep,
    retryable: bool,
    /// The words to look for; `|` separates alternatives, and no words at all match any text.
    words: &'static str,
    meaning: &'static str,
    remedy: &'static str,
}

impl Row {
    /// The length of the longest alternative that is in the text.
    fn longest_match(&self, text: &Window) -> Option<usize> {
        let alternatives = self.words.split('|');
        let found = alternatives.filter(|words| text.find(words).is_some());
        found.map(str::len).max()
    }

    fn diagnosis(&self) -> Diagnosis {
        Diagnosis {
            step: self.step,
            meaning: self.meaning.into(),
            remedy: self.remedy.into(),
            retryable: self.retryable,
            docs: self.service.docs.into(),
        }
    }
}

#[derive(Debug)]
struct Service {
    id: &'static str,
    docs: &'static str,
}

/// Which HTTP status goes with the words of a row.
#[derive(Clone, Copy, Debug)]
enum Status {
    /// Any status, or none.
    Any,
    /// This status; the words are too common to mean anything without it.
    Only(u16),
    /// This status; the words tell enough when the status is not known.
    Usual(u16),
}

impl Status {
    fn fits(self, seen: Option<u16>) -> bool {
        match (self, seen) {
            (Self::Any, _) | (Self::Usual(_), None) => true,
            (Self::Only(_), None) => false,
            (Self::Only(status) | Self::Usual(status), Some(seen)) => status == seen,
        }
    }
}

const fn row(
    service: &'static Service,
    status: Status,
    step: SetupStep,
    retryable: bool,
    words: &'static str,
    meaning: &'static str,
    remedy: &'static str,
) -> Row {
    Row {
        service,
        status,
        step,
        retryable,
        words,
        meaning,
        remedy,
    }
}

const ADMIN_CONSENT: Service = Service {
    id: "adminconsent",
    docs: "https://learn.microsoft.com/entra/identity-platform/v2-admin-consent",
};
const GRAPH: Service = Service {
    id: "graph",
    docs: "https://learn.microsoft.com/graph/errors",
};
const PARTNER: Service = Service {
    id: "api.partner.microsoft.com",
    docs: "https://learn.microsoft.com/partner-center/developer/referral-api-authentication",
};
const PARTNER_CENTER: Service = Service {
    id: "api.partnercenter.microsoft.com",
    docs: "https://learn.microsoft.com/partner-center/developer/error-codes",
};

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  service          status      step           retry  words, meaning, remedy
    row(&PARTNER,        Usual(401), Request,       false, "Invalid Authorization header, incorrect audience", "Token was minted for another API (nearly always api.partnercenter.microsoft.com).", "Ask for https://api.partner.microsoft.com/.default; one refresh token can be redeemed once per API."),
    row(&PARTNER,        Usual(401), Request,       false, "Invalid Authorization header", "The token is for another API, or the header is not \"Bearer\" and a token.", "Compare aud with https://api.partner.microsoft.com; send the raw token string."),
    row(&PARTNER,        Usual(400), UserSignIn,    false, "Authorization header token missing user information", "An app-only token was sent to an endpoint that needs app+user.", "Use authorization code / device code / refresh token; client credentials do not serve this endpoint."),
    row(&PARTNER,        Usual(403), Policy,        false, "insufficent_claims|insufficient_claims", "Conditional access wants more claims than the token has.", "Repeat the sign-in with the claims value of the WWW-Authenticate header."),
    row(&PARTNER,        Only(403),  UserRole,      false, "accessDenied|unAuthorized", "The token was accepted, but the user lacks the partner role for this data (e.g. Referrals Admin or User).", "Give the signed-in user the role in Partner Center user management."),
    row(&PARTNER_CENTER, Usual(401), UserMfa,       false, "900421", "App+user call without an MFA claim.", "Sign in interactively with MFA and store the new refresh token; to check it, send the request header ValidateMfa: true and read the response header isMfaCompliant."),
    row(&PARTNER_CENTER, Usual(403), UserSignIn,    false, "900329|application-only authentication", "This resource takes no app-only tokens.", "Call it with an app + user provider: a browser sign-in, a device code or a stored refresh token."),
    row(&PARTNER_CENTER, Usual(403), UserRole,      false, "900308", "The caller's role, or the GDAP relationship, does not allow this.", "Give the user or the application the role that the page of the API names, and check the GDAP roles for that customer."),
    row(&PARTNER_CENTER, Usual(403), Policy,        false, "900309", "Conditional Access blocked the call.", "Look up the sign-in in the Entra sign-in log, and change the policy or meet it."),
    row(&PARTNER_CENTER, Usual(403), UserRole,      false, "900159|20002", "There is no commerce relationship with this customer.", "Check the customer's id, and ask the customer to accept the reseller relationship."),
    row(&PARTNER_CENTER, Usual(403), UserRole,      false, "900149", "The partner's program status is not active.", "Complete the enrolment in Partner Center > Account settings."),
    row(&PARTNER_CENTER, Usual(400), Request,       false, "900316", "A partner token (generatetoken) was sent where an Entra token is needed.", "Send the Entra access token as it is."),
    row(&PARTNER_CENTER, Usual(401), Request,       false, "800001", "The bearer token was missing or could not be used.", "Send a current token for https://api.partnercenter.microsoft.com."),
    row(&PARTNER_CENTER, Only(429),  Runtime,       true,  "", "Partner Center limits the calls per partner and customer.", "Wait as long as Retry-After says, then slow down: calls in between count too."),
    row(&PARTNER,        Only(429),  Runtime,       true,  "", "The Partner API limits the calls.", "Wait as long as Retry-After says, then slow down: calls in between count too."),
    row(&PARTNER_CENTER, Usual(401), Request,       false, "900420", "Token has an audience that is no longer accepted (graph.windows.net).", "Ask for https://api.partnercenter.microsoft.com/.default."),
    row(&PARTNER_CENTER, Usual(401), UserMfa,       false, "MFA required. (10001)|MFA required", "App+user call without an MFA claim.", "Sign in interactively with MFA and store the new refresh token."),
    row(&PARTNER_CENTER, Usual(403), UserRole,      false, "The supplied role does not have the rights to perform the requested operation", "Authenticated, but user/app has no sufficient Partner Center role, or the call does not take app-only.", "Give the user Admin agent (or the role named on the API page), or switch to app+user."),
    row(&GRAPH,          Usual(404), Runtime,       true,  "does not exist or one of its queried reference-property objects are not present", "The object was created a moment ago and this replica does not know it, or it is really gone.", "Retry the same dependent call with doubling waits; never repeat the POST that created the app."),
    row(&GRAPH,          Usual(400), Runtime,       true,  "does not reference a valid application object", "The new appId is not replicated yet.", "Retry POST /servicePrincipals."),
    row(&GRAPH,          Any,        Runtime,       true,  "service principal being created must in the local tenant", "The new appId is not replicated yet, or the app belongs to another tenant.", "Retry; if it stays, use an Application Administrator sign-in."),
    row(&GRAPH,          Usual(409), ConsentAdmin,  false, "Permission entry already exists", "A grant for this client and API (and user) is there already.", "Get the grant and patch its scope to the union."),
    row(&GRAPH,          Any,        ConsentAdmin,  false, "EntitlementGrant entry already exists", "The app role was assigned before.", "Treat as success after read-back."),
    row(&GRAPH,          Usual(400), AppCredential, false, "New password credentials must be generated with service actions", "Password credential sent inside POST/PATCH application.", "Use POST .../addPassword."),
    row(&GRAPH,          Any,        AppCredential, false, "Credential lifetime exceeds the max value allowed as per assigned policy", "Tenant app-management policy caps key lifetime; the API default of 2 years is over it.", "Send a shorter endDateTime: the maxLifetime of defaultAppManagementPolicy, else 180, 90 or 30 days."),
    row(&GRAPH,          Any,        AppCredential, false, "Credential type not allowed as per assigned policy", "Tenant forbids client secrets (passwordAddition).", "Use a certificate or a federated credential."),
    row(&GRAPH,          Usual(403), AdminRole,     false, "Insufficient privileges to complete the operation", "The token lacks the Graph scope, or the user lacks the Entra role or may not register apps.", "Sign in as Application Developer (register) and Cloud Application Administrator (consent); an Azure subscription role such as Owner does not count."),
    row(&GRAPH,          Usual(403), AdminSignIn,   false, "PermissionScopeNotGranted|missing permission scope", "The bootstrap client (e.g. Azure CLI) is not pre-authorized for that Graph scope.", "Sign in with another bootstrap client that asks for the scope by name."),
    row(&GRAPH,          Any,        ConsentAdmin,  false, "NoPermissionsInAccessToken", "Token has neither scp nor roles that mean anything here (e.g. app-only token on /me, or token older than the grant).", "Check the grant by reading it back, drop cached tokens and get a new one; do not call /me app-only."),
    row(&GRAPH,          Usual(400), ConsentAdmin,  false, "Property cannot be updated: principalId", "A grant's user cannot be changed by PATCH.", "Create a second grant for the other user, or use AllPrincipals."),
    row(&GRAPH,          Any,        AppPermission, false, "This configuration exceeds the global", "Too many permissions on the app (limit about 400).", "Remove unused permissions."),
    row(&GRAPH,          Only(429),  Runtime,       true,  "", "Throttled by the directory (resource-unit bucket per app+tenant).", "Honour Retry-After when present; else doubling waits with jitter."),
    row(&ADMIN_CONSENT,  Usual(302), ConsentAdmin,  false, "error=consent_required|AADSTS65004", "The admin declined on the consent page.", "Repeat as admin and accept. An error answer carries admin_consent=True too: look at the error parameter first."),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Diagnosis, SetupStep, Window};
    use super::{Status, TABLE, find};

    #[test]
    fn every_text_is_listed_once_with_a_remedy_in_whole_sentences() {
        let mut seen = HashSet::new();
        for row in TABLE {
            assert!(
                row.words
                    .split('|')
                    .all(|words| seen.insert((row.service.id, words))),
                "{row:?}"
            );
            for text in [row.meaning, row.remedy] {
                assert!(text.len() > 1 && text.ends_with('.'), "{row:?}");
                assert!(!text.contains(['\n', '[', ']']), "{row:?}");
            }
            assert!(
                row.service.docs.starts_with("https://learn.microsoft.com/"),
                "{row:?}"
            );
        }
    }

    #[test]
    fn a_row_without_words_needs_its_status() {
        let wordless = TABLE
            .iter()
            .filter(|row| row.words.split('|').any(str::is_empty));
        assert!(
            wordless
                .into_iter()
                .all(|row| matches!(row.status, Status::Only(_)))
        );
    }

    #[test]
    fn an_error_text_names_the_setup_step() {
        #[rustfmt::skip]
        let table = [
            (PARTNER, 401, "Invalid Authorization header, incorrect audience",                SetupStep::Request),
            (PARTNER, 401, "INVALID AUTHORIZATION HEADER",                                    SetupStep::Request),
            (PARTNER, 400, "Authorization header token missing user information",             SetupStep::UserSignIn),
            (PARTNER, 403, r#"Bearer error="insufficient_claims", claims="e30=""#,            SetupStep::Policy),
            (PARTNER, 403, r#"{"error":{"code":"unauthorized","message":""}}"#,               SetupStep::UserRole),
            (CENTER,  401, r#"{"code":"900421","description":"..."}"#,                        SetupStep::UserMfa),
            (CENTER,  401, r#"{"code":900420}"#,                                              SetupStep::Request),
            (CENTER,  401, "Authentication failed. MFA required. (10001)",                    SetupStep::UserMfa),
            (CENTER,  401, "401 Unauthorized - MFA required",                                 SetupStep::UserMfa),
            ("graph", 404, "Resource 'x' does not exist or one of its queried reference-property objects are not present.", SetupStep::Runtime),
            ("graph", 403, "Insufficient privileges to complete the operation.",              SetupStep::AdminRole),
            ("graph", 400, "Credential type not allowed as per assigned policy '1'.",         SetupStep::AppCredential),
            ("graph", 429, "",                                                                SetupStep::Runtime),
            ("adminconsent", 302, "admin_consent=True&error=consent_required&state=s",        SetupStep::ConsentAdmin),
        ];

        for (service, status, text, step) in table {
            let diagnosis = look(Some(service), Some(status), text);
            assert_eq!(
                diagnosis.map(|d| d.step),
                Some(step),
                "{service} {status} {text}"
            );
        }
    }

    #[test]
    fn the_longest_words_win() {
        let audience = look(
            Some(PARTNER),
            Some(401),
            "Invalid Authorization header, incorrect audience",
        )
        .unwrap();
        let header = look(Some(PARTNER), Some(401), "Invalid Authorization header").unwrap();

        assert_ne!(audience, header);
        assert!(audience.meaning.contains("minted for another API"));
        let anywhere = look(
            None,
            None,
            "Invalid Authorization header, incorrect audience",
        );
        assert_eq!(anywhere, Some(audience));
    }

    #[test]
    fn common_words_mean_nothing_without_their_status() {
        assert_eq!(look(Some(PARTNER), None, "accessDenied"), None);
        assert_eq!(look(Some(PARTNER), Some(401), "Unauthorized"), None);
        assert_eq!(look(Some("graph"), None, ""), None);
        assert_eq!(look(Some("graph"), Some(200), ""), None);
    }

    #[test]
    fn a_number_inside_another_number_is_not_that_number() {
        for text in ["1900421", "9004210", "a900421", "900421f"] {
            assert_eq!(look(Some(CENTER), Some(401), text), None, "{text}");
        }
        for text in ["900421", "(900421)", "%22900421%22", "1900421 900421"] {
            assert!(look(Some(CENTER), Some(401), text).is_some(), "{text}");
        }
    }

    fn look(service: Option<&str>, status: Option<u16>, text: &str) -> Option<Diagnosis> {
        find(service, status, &Window::new(text))
    }

    const CENTER: &str = "api.partnercenter.microsoft.com";
    const PARTNER: &str = "api.partner.microsoft.com";
}
