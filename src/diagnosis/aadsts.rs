//! What each `AADSTS` number means, one row a number.
//!
//! From Microsoft's [list of authentication and authorization error codes][list], in this crate's
//! own words. `retryable` does not count the minutes that a new object needs to reach every
//! replica; where that happens, the remedy says so.
//!
//! [list]: https://learn.microsoft.com/entra/identity-platform/reference-error-codes

use super::SetupStep::{
    self, AppCredential, AppPermission, AppRedirect, AppRegister, AppServicePrincipal,
    ConsentAdmin, ConsentCustomer, Policy, Request, ResourceServicePrincipal, Runtime, Tenant,
    UserMfa, UserRole, UserSignIn,
};
use super::{Diagnosis, look_up};

/// Returns the row of `code` as a diagnosis.
pub(super) fn find(code: u32) -> Option<Diagnosis> {
    let index = TABLE.binary_search_by_key(&code, |row| row.code).ok()?;
    let row = TABLE.get(index)?;
    Some(Diagnosis {
        step: row.step,
        meaning: row.meaning.into(),
        remedy: row.remedy.into(),
        retryable: row.retryable,
        docs: look_up(code).into(),
    })
}

#[derive(Debug)]
struct Row {
    code: u32,
    step: SetupStep,
    retryable: bool,
    meaning: &'static str,
    remedy: &'static str,
}

const fn row(
    code: u32,
    step: SetupStep,
    retryable: bool,
    meaning: &'static str,
    remedy: &'static str,
) -> Row {
    Row {
        code,
        step,
        retryable,
        meaning,
        remedy,
    }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  code       step                      retry  meaning, remedy
    row(16_000,    UserSignIn,               false, "The chosen account is unknown to this tenant, so it cannot use the app here.", "Sign in with an account that lives in the partner tenant, or have it invited as a guest first."),
    row(16_003,    Tenant,                   false, "The signed-in user was never added to the tenant that owns the resource.", "Check the directory id; otherwise add the user to that tenant, then sign in again."),
    row(28_002,    Request,                  false, "The scope value sent with the code is not acceptable for an access token.", "Ask for one valid scope of one resource, e.g. https://api.partner.microsoft.com/.default."),
    row(28_003,    Request,                  false, "The code was redeemed with an empty scope.", "Send a scope when redeeming the authorization code."),
    row(50_000,    Runtime,                  true,  "The sign-in service failed while issuing the token.", "Retry with backoff; if it stays, open a support case with trace id, correlation id and time."),
    row(50_001,    Request,                  false, "The requested resource URI does not exist or is switched off.", "Fix the resource/scope URI (https://api.partner.microsoft.com or https://api.partnercenter.microsoft.com), no typo, no stray path."),
    row(50_002,    Policy,                   false, "A proxy in the network only lets users reach listed tenants.", "Have the network team allow the partner tenant in the tenant-restriction proxy."),
    row(50_003,    AppCredential,            false, "No usable signing key or certificate is configured for the app.", "Upload a valid signing certificate to the app registration."),
    row(50_005,    Policy,                   false, "The device platform is not allowed by policy.", "Sign in from a supported device; otherwise ask the admin to review the device policy."),
    row(50_006,    AppCredential,            false, "A signature in the request did not verify.", "Sign with the private key that matches the uploaded certificate."),
    row(50_010,    AppRegister,              false, "The app has no accepted token audience configured.", "Set the application id URI / audience of the app."),
    row(50_011,    AppRedirect,              false, "The redirect URI in the request is not registered on the app.", "Register exactly the redirect URI used; for local sign-in add http://localhost under publicClient (any port then matches)."),
    row(50_012,    AppCredential,            false, "The client certificate or assertion was refused (chain, subject, thumbprint, trust or signature).", "Upload the certificate you sign with and check x5t/x5t#S256, subject and chain."),
    row(50_013,    Request,                  false, "The assertion in the request is unusable (issuer, age, form).", "Build a fresh assertion for this tenant's token endpoint; do not reuse tokens of another API."),
    row(50_014,    Tenant,                   false, "The user does not really exist in this tenant yet (guest not redeemed, or wrong tenant).", "Use the partner tenant's own account, or redeem the invitation first."),
    row(50_017,    AppCredential,            false, "The certificate chain or its revocation list could not be checked.", "Fix the CA chain and CRL URLs, or use a self-signed certificate uploaded to the app."),
    row(50_020,    UserSignIn,               false, "The user comes from another identity provider/tenant and has no account here.", "Sign out, then sign in with a partner-tenant account; for customer tenants check the GDAP group, or delete a clashing guest."),
    row(50_027,    Request,                  false, "The JWT sent (assertion or id token) is malformed, expired or for another audience/issuer.", "Rebuild the client assertion: iss=sub=client id, aud=token endpoint, fresh nbf/exp/jti."),
    row(50_032,    AppCredential,            false, "The RSA key is too weak.", "Make a new key of at least 2048 bits and upload its certificate."),
    row(50_033,    Runtime,                  true,  "Short internal fault.", "Retry with backoff."),
    row(50_034,    Tenant,                   false, "No such user in this directory.", "Check user name and directory id; add the user if it should be there."),
    row(50_048,    Request,                  false, "In the client assertion, sub and iss differ.", "Put the application (client) id in both iss and sub."),
    row(50_049,    Tenant,                   false, "The authority host is unknown.", "Use the right cloud authority (login.microsoftonline.com, .us, or the China host)."),
    row(50_053,    UserSignIn,               false, "Account locked after bad tries, or the source IP is judged malicious.", "Wait or unblock the account, check the sign-in log for the reason, then sign in from a trusted network."),
    row(50_055,    UserSignIn,               false, "The user's password has expired.", "Change the password, then sign in again to get a new refresh token."),
    row(50_056,    UserSignIn,               false, "No password is stored or sent for this user.", "Set the password again; prefer browser or device-code sign-in."),
    row(50_057,    UserSignIn,               false, "The user account is disabled.", "Re-enable the account or use another service account."),
    row(50_058,    UserSignIn,               false, "Silent sign-in was tried but nobody is signed in.", "Run an interactive sign-in."),
    row(50_059,    Tenant,                   false, "Nothing in the request says which tenant is meant.", "Put the directory id in the authority URL."),
    row(50_064,    UserSignIn,               false, "User name or password check failed.", "Re-enter the credentials; prefer interactive sign-in over password grant."),
    row(50_072,    UserMfa,                  false, "The user must register a second factor (interactive).", "Register MFA for the account, then sign in again."),
    row(50_074,    UserMfa,                  false, "MFA is needed and was not passed.", "Sign in interactively and complete MFA."),
    row(50_076,    UserMfa,                  false, "MFA is needed for this resource now (policy, new place, or a refresh token born without MFA).", "Sign in interactively with MFA and store the new refresh token; stop using user-name/password."),
    row(50_078,    UserMfa,                  false, "The earlier MFA proof is too old under policy.", "Sign in again with MFA and store the new refresh token."),
    row(50_079,    UserMfa,                  false, "The user must enrol in MFA, or the federated provider did not send an MFA claim.", "Register MFA; with a federated/third-party provider make it emit the MFA claim."),
    row(50_085,    UserSignIn,               false, "The refresh token needs a social provider sign-in.", "Sign in again interactively."),
    row(50_087,    Runtime,                  true,  "Short fault in the MFA service.", "Retry."),
    row(50_088,    Runtime,                  true,  "The phone-call MFA limit is reached.", "Wait some minutes, or use the authenticator app."),
    row(50_089,    UserSignIn,               false, "The sign-in flow's own token ran out.", "Start the sign-in again."),
    row(50_097,    Policy,                   false, "The device must authenticate.", "Sign in from a registered device; otherwise ask the admin how this service account should meet the device policy."),
    row(50_105,    UserRole,                 false, "User assignment is required on the app and this user has none.", "Assign the user to the enterprise application."),
    row(50_107,    Tenant,                   false, "The federation realm is unknown.", "Have the tenant admin fix the domain's federation settings."),
    row(50_125,    UserSignIn,               false, "Sign-in stopped for password-reset registration.", "Finish the registration in a browser, then sign in again."),
    row(50_126,    UserSignIn,               false, "Wrong user name or password.", "Correct them; prefer browser or device-code sign-in."),
    row(50_128,    Tenant,                   false, "Tenant could not be found from the domain given.", "Use the directory id (GUID) instead of a domain."),
    row(50_131,    Policy,                   false, "A conditional-access or risk decision refused the sign-in.", "Look at the sign-in log's conditional-access tab and meet the named policy."),
    row(50_132,    UserSignIn,               false, "The session died with a password change/expiry.", "Sign in again and replace the stored refresh token."),
    row(50_133,    UserSignIn,               false, "The session was revoked by a password change.", "Sign in again and replace the stored refresh token."),
    row(50_134,    UserSignIn,               false, "Device code was approved through another data centre.", "Start device-code sign-in again and approve from the same region/tenant."),
    row(50_135,    UserSignIn,               false, "Password must change because of risk.", "Change the password, then sign in again."),
    row(50_140,    UserSignIn,               false, "The 'stay signed in' page interrupted the flow.", "Finish the page in the browser."),
    row(50_144,    UserSignIn,               false, "On-premises password expired.", "Reset it, then sign in again."),
    row(50_147,    Request,                  false, "The PKCE challenge has a wrong size.", "Send a valid S256 code_challenge."),
    row(50_158,    UserMfa,                  false, "An external (third-party) security check was not met.", "Sign in interactively and finish the third-party challenge; make sure it yields an MFA claim."),
    row(50_161,    Policy,                   false, "The external provider sent too few claims.", "Fix the external MFA provider so that it sends the needed claims."),
    row(50_173,    UserSignIn,               false, "The grant was revoked (password reset, admin or user revocation).", "Sign in again with MFA and replace the stored refresh token."),
    row(50_177,    UserSignIn,               false, "The user is a guest/pass-through user that cannot take this challenge.", "Use a member account; remove a clashing guest or fix the GDAP group."),
    row(50_194,    Tenant,                   false, "A single-tenant app was called through /common.", "Put the directory id in the authority URL (or make the app multi-tenant on purpose)."),
    row(50_196,    Runtime,                  true,  "The client asked for the same token too often.", "Cache tokens; wait some minutes before the next request."),
    row(50_197,    UserSignIn,               false, "The user could not be found.", "Sign in again, choosing the account by hand."),
    row(50_199,    UserSignIn,               false, "User must confirm the app in the browser.", "Confirm in the browser; use an http/https redirect URI."),
    row(51_004,    Tenant,                   false, "The user account is not in this directory.", "Check the directory id or add the user."),
    row(53_000,    Policy,                   false, "A compliant device is demanded.", "Sign in from a compliant device; otherwise ask the admin how this service account should meet the policy."),
    row(53_001,    Policy,                   false, "A domain-joined device is demanded.", "Sign in from a joined device; otherwise ask the admin how this service account should meet the policy."),
    row(53_002,    Policy,                   false, "Policy only allows approved client apps.", "Ask the admin to review the approved-app policy for this app."),
    row(53_003,    Policy,                   false, "A conditional-access policy blocks issuing the token.", "Find the named policy in the sign-in log and meet it; device code is often blocked, so try the browser flow first."),
    row(53_004,    UserMfa,                  false, "MFA registration must be done first, but is blocked by risk.", "Register MFA from a trusted place, or have the admin investigate and resolve the risk."),
    row(53_010,    UserMfa,                  false, "MFA methods may only be set from certain places/devices.", "Register MFA from an allowed network or device."),
    row(53_011,    Policy,                   false, "User is blocked for risk in the home tenant.", "Have the home-tenant admin investigate and resolve the user's risk."),
    row(54_005,    UserSignIn,               false, "The authorization code was used before.", "Start sign-in again; redeem each code once."),
    row(65_001,    ConsentAdmin,             false, "Nobody consented to this app for this API.", "Grant admin consent (oauth2PermissionGrant AllPrincipals for user_impersonation), or sign in interactively and consent. Just granted: retry a few minutes and drop cached tokens."),
    row(65_002,    AppRegister,              false, "A Microsoft-owned client id was used for an API it is not pre-authorized for.", "Do not borrow a Microsoft client id; register your own application."),
    row(65_004,    ConsentAdmin,             false, "The user pressed 'no' on the consent page.", "Repeat sign-in and accept, or let an admin consent for everyone."),
    row(65_005,    AppPermission,            false, "The app asked for an API that is not in its required permissions.", "Add Microsoft Partner / user_impersonation to the app's API permissions, then consent."),
    row(67_003,    AppServicePrincipal,      false, "The acting identity is not a valid service identity.", "Use the app's own service principal."),
    row(70_000,    UserSignIn,               false, "The refresh token or code is not valid.", "Sign in again; check that the stored refresh token is complete (no line breaks) and belongs to this client id."),
    row(70_001,    AppRegister,              false, "App disabled or not found in the directory.", "Check client id and directory id; re-enable or re-create the app."),
    row(70_002,    AppCredential,            false, "Client authentication failed: the secret does not match.", "Put the key VALUE of this app in the config; create a new key if it is lost."),
    row(70_003,    Request,                  false, "Unknown or unsupported grant type.", "Use authorization_code, refresh_token, client_credentials or the device_code URN."),
    row(70_004,    AppRedirect,              false, "Redirect URI does not match any registered one.", "Register exactly that redirect URI."),
    row(70_005,    Request,                  false, "The response_type is not enabled for the app.", "Use response_type=code."),
    row(70_007,    Request,                  false, "Bad response_mode.", "Use query or form_post."),
    row(70_008,    UserSignIn,               false, "Refresh token expired from disuse.", "Sign in again with MFA; then refresh at least weekly and store each new refresh token."),
    row(70_011,    Request,                  false, "The scope is not valid.", "Use <api>/.default or <api>/user_impersonation; do not mix v1 'resource' and v2 'scope'."),
    row(70_012,    Runtime,                  true,  "Fault on the personal-account side.", "Retry; use a work account."),
    row(70_016,    UserSignIn,               true,  "Device code: the user has not finished yet.", "Keep polling at the given interval."),
    row(70_018,    UserSignIn,               false, "Wrong device code typed.", "Type the shown code again."),
    row(70_019,    UserSignIn,               false, "Device code ran out.", "Start device-code sign-in again."),
    row(70_021,    AppCredential,            false, "No federated credential on the app matches the issuer/subject/audience presented.", "Add or fix the federated credential: issuer, subject and audience must equal the token's iss, sub and aud. GitHub repositories created or renamed since 2026-07-15 use owner@id/repo@id subjects."),
    row(70_043,    Policy,                   false, "Sign-in-frequency policy ended the refresh token.", "Sign in again; ask the admin whether that sign-in frequency is meant for this service account."),
    row(70_044,    Policy,                   false, "Session ended by sign-in-frequency policy.", "Sign in again; ask the admin whether that sign-in frequency is meant for this service account."),
    row(80_001,    Runtime,                  true,  "The on-premises sign-in agent cannot reach AD.", "Retry; if it stays, have the admin check the pass-through agents."),
    row(80_002,    Runtime,                  true,  "On-premises password check timed out.", "Retry."),
    row(80_005,    Runtime,                  true,  "Unknown fault from the on-premises agent.", "Retry; if it stays, open a support case with trace id, correlation id and time."),
    row(90_002,    Tenant,                   false, "The tenant was not found (typo, or wrong cloud).", "Copy the directory (tenant) id again; check the cloud."),
    row(90_004,    Request,                  false, "The request is not well formed.", "Send form-urlencoded data with each value encoded once."),
    row(90_006,    Runtime,                  true,  "Service briefly unavailable.", "Retry with backoff."),
    row(90_008,    ConsentAdmin,             false, "App lacks the basic sign-in permission for itself.", "Consent at least to sign-in/profile (openid, User.Read)."),
    row(90_009,    Request,                  false, "App asks a token for itself in a wrong form.", "Use the API's URI, not your own app id, as resource."),
    row(90_012,    Runtime,                  true,  "The request timed out.", "Retry."),
    row(90_013,    UserSignIn,               false, "User input was not valid.", "Correct it and try again."),
    row(90_014,    Request,                  false, "A needed field is absent.", "Send the missing field that the message names."),
    row(90_019,    Tenant,                   false, "Tenant could not be read from the request.", "Put the directory id in the URL."),
    row(90_023,    Request,                  false, "The request is not valid.", "Compare with the protocol reference; send POST form data."),
    row(90_024,    Runtime,                  true,  "Short overload.", "Retry with backoff."),
    row(90_033,    Runtime,                  true,  "Directory service unavailable.", "Retry with backoff."),
    row(90_036,    Runtime,                  false, "Directory service failed for good.", "Open a support case with trace id, correlation id and time."),
    row(90_038,    Tenant,                   false, "The tenant lives in another national cloud.", "Switch the authority and API hosts to that cloud."),
    row(90_051,    Tenant,                   false, "Bad national-cloud id.", "Choose a known cloud."),
    row(90_055,    Runtime,                  true,  "Too many requests for this tenant.", "Back off; cache tokens."),
    row(90_056,    Request,                  false, "The code was not redeemed by a proper POST to /token.", "POST the code to /oauth2/v2.0/token of the same tenant."),
    row(90_072,    UserSignIn,               false, "The outside account does not exist in the tenant, so it cannot do MFA here.", "Sign in with a partner-tenant account, or add the guest first."),
    row(90_085,    Runtime,                  true,  "The company object is not provisioned yet.", "Wait for the new tenant to be provisioned, then retry."),
    row(90_090,    Runtime,                  true,  "Service briefly unavailable.", "Retry."),
    row(90_091,    Runtime,                  true,  "Directory could not be reached.", "Retry."),
    row(90_092,    Runtime,                  false, "Directory call failed for good.", "Open a support case with trace id, correlation id and time."),
    row(90_093,    ConsentAdmin,             false, "The directory refused the call for this user.", "Let an admin (Cloud Application Administrator or higher) grant the consent."),
    row(90_094,    ConsentAdmin,             false, "Only an admin may consent to these permissions.", "Run admin consent as Cloud Application Administrator (or higher)."),
    row(90_095,    ConsentAdmin,             false, "The admin-consent workflow asks the user to send a request.", "Send the request and have an admin approve it, or grant consent directly."),
    row(90_099,    ConsentCustomer,          false, "The app is not authorized in that (customer) tenant for delegated partner admins.", "Create the partner consent: POST api.partnercenter.microsoft.com/v1/customers/{id}/applicationconsents, or pre-consent."),
    row(90_100,    Request,                  false, "A parameter is empty or wrong.", "Fix the named parameter."),
    row(90_102,    Request,                  false, "A URI parameter is not absolute.", "Send an absolute URI."),
    row(90_119,    UserSignIn,               false, "Device user code is empty.", "Type the shown code."),
    row(90_120,    UserSignIn,               false, "Device request was already approved or declined.", "Start device-code sign-in again."),
    row(90_121,    Request,                  false, "Empty request.", "Send the form body."),
    row(90_124,    Tenant,                   false, "This API is not served on /common or /consumers.", "Use /organizations or the directory id."),
    row(90_130,    Tenant,                   false, "This app is not served on /common or /consumers.", "Use /organizations or the directory id."),
    row(500_011,   ResourceServicePrincipal, false, "The API has no service principal in the tenant that was asked.", "Create it with POST /servicePrincipals and the appId 4990cffe-04e8-4e8b-808a-1175604b879f (Partner API) or fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd (Partner Center), and check the tenant id and the resource URI. Just created: retry a few minutes."),
    row(500_014,   ResourceServicePrincipal, false, "The API's service principal exists but is disabled (lapsed subscription or an admin switched it off).", "Have an admin set accountEnabled=true on the API's enterprise application, or renew the subscription behind it."),
    row(500_021,   Policy,                   false, "Tenant restrictions (v1 header) block this tenant.", "Add the partner tenant to the allowed-tenants header of the proxy."),
    row(500_022,   Policy,                   false, "Tenant restrictions block this tenant.", "Add the partner tenant to the allowed-tenants list of the proxy."),
    row(500_113,   AppRedirect,              false, "The app has no redirect URI at all.", "Add a redirect URI (http://localhost for native, https URL for web)."),
    row(500_121,   UserMfa,                  false, "The strong-authentication request failed or was not answered.", "Repeat sign-in and approve the prompt."),
    row(500_133,   Request,                  false, "The assertion is outside its validity window.", "Get a new token/assertion before it expires and check the clock."),
    row(500_208,   UserSignIn,               false, "The login domain does not fit the allowed account type (work vs personal).", "Use a work account of the partner tenant, not a personal one."),
    row(500_212,   Policy,                   false, "The user's home tenant forbids going out to this tenant.", "Have the home-tenant admin allow outbound cross-tenant access, or use an account of the partner tenant."),
    row(500_213,   Policy,                   false, "This tenant's inbound cross-tenant policy refuses the user.", "Have the partner-tenant admin allow the inbound user, or use a member account."),
    row(500_571,   UserSignIn,               false, "The guest account is disabled.", "Re-enable the guest, or use a member account of the partner tenant."),
    row(501_481,   Request,                  false, "PKCE verifier does not match the challenge.", "Redeem the code with the verifier made for that very request."),
    row(530_032,   Policy,                   false, "A tenant security policy blocks the request.", "Ask the admin which tenant-wide security policy refused it and meet that policy."),
    row(530_033,   Policy,                   false, "Device-code sign-in is blocked by a device-based policy.", "Use browser sign-in on a managed device instead of device code."),
    row(530_034,   Policy,                   false, "A partner (delegated) admin is blocked for risk in the home tenant.", "Have the partner tenant's admin investigate and resolve the user risk, then sign in again."),
    row(530_035,   UserMfa,                  false, "Security defaults refuse this kind of sign-in (legacy or unsafe).", "Stop using password grants; sign in interactively with MFA."),
    row(650_051,   AppPermission,            false, "Consent failed: a listed permission does not exist on the API, or the app/service principal is not replicated yet or is already present.", "Remove permission ids that the API no longer offers (look ids up at run time); if the app is seconds old, wait 30 s and retry."),
    row(650_052,   ResourceServicePrincipal, false, "The tenant has no subscription/enablement for the API.", "Have the tenant enrolled for the service (partner account) and create the API's service principal."),
    row(650_053,   Request,                  false, "The scope asked for does not exist on that API (often a bare scope that falls to Microsoft Graph).", "Qualify the scope: https://api.partner.microsoft.com/user_impersonation or /.default."),
    row(650_054,   AppPermission,            false, "The app lists permissions of an API that is gone from the tenant.", "Remove stale APIs (e.g. Azure AD Graph) from the app and create missing API service principals."),
    row(650_056,   AppPermission,            false, "App misconfigured: no permission listed for the API, no admin consent, wrong client id or bad certificate.", "Check in order: client id, API permission present, admin consent given, certificate valid."),
    row(650_057,   AppPermission,            false, "The resource in the request is not among the app's API permissions (the message lists the valid ones).", "Add that API with user_impersonation to the app, then grant consent."),
    row(700_005,   Tenant,                   false, "The code was issued for another tenant.", "Use the same authority for /authorize and /token."),
    row(700_011,   AppRegister,              false, "This client id is not in this tenant.", "Check client id and directory id; for a multi-tenant app create its service principal here."),
    row(700_016,   AppRegister,              false, "The application was not found in the tenant.", "Check that the application id (not the object id) and the directory id belong together; create the app or its service principal. Just created: retry a few minutes."),
    row(700_020,   UserSignIn,               false, "The grant needs the user.", "Sign in interactively."),
    row(700_022,   Request,                  false, "Scopes of two APIs in one request.", "Ask for one API per token request; redeem the refresh token once per API."),
    row(700_023,   Request,                  false, "The scope names no API.", "Add a scope of the API you want."),
    row(700_024,   Request,                  false, "The client assertion is outside its time window (clock skew, or an old federated token).", "Sync the clock; build a new assertion, re-read the federated token file on every exchange."),
    row(700_025,   AppRedirect,              false, "A public client sent a secret or assertion.", "Drop the secret for native apps, or register the redirect URI under 'web' for a confidential app."),
    row(700_027,   AppCredential,            false, "The client assertion's signature or key was refused.", "Upload the certificate that matches the private key. Just rotated: retry some times, token nodes lag behind."),
    row(700_030,   AppCredential,            false, "The certificate's subject is not authorized for this app.", "Use a certificate with an authorized subject name."),
    row(700_054,   Request,                  false, "An id_token was asked from /authorize but is not enabled.", "Use response_type=code with PKCE."),
    row(700_082,   UserSignIn,               false, "Refresh token unused for too long (90 days by default).", "Sign in again with MFA; schedule a regular refresh and save the new refresh token each time."),
    row(700_084,   AppRedirect,              false, "Refresh token came from a single-page-app redirect: 24 h only.", "Register the redirect URI as native/web, not spa, and sign in again."),
    row(700_211,   AppCredential,            false, "No federated credential matches the presented issuer.", "Correct the issuer URL of the federated credential (exact string, trailing slash counts)."),
    row(700_213,   AppCredential,            false, "No federated credential matches the presented subject (the message prints it).", "Copy the subject from the error into a federated credential (branch vs environment vs pull_request; immutable-id form for new GitHub repos)."),
    row(700_229,   AppCredential,            false, "A user token was used where only an app-only token may serve as federated credential.", "Exchange an app-only (client-credentials / managed-identity) token."),
    row(900_023,   Tenant,                   false, "The tenant identifier is neither a valid domain nor a GUID.", "Use the directory id GUID; no spaces, quotes or placeholders."),
    row(900_144,   Request,                  false, "The body lacks the named parameter (such as scope, client_id or grant_type).", "Add the parameter named in the message; v1 uses 'resource', v2 uses 'scope'."),
    row(900_382,   Tenant,                   false, "Confidential clients cannot be used across clouds.", "Register the app in the cloud of the tenant."),
    row(900_384,   Request,                  false, "A JWT in the request failed signature checks.", "Rebuild and re-sign the JWT with the right key."),
    row(900_432,   Tenant,                   false, "Confidential clients cannot be used across clouds.", "Register the app in the cloud of the tenant."),
    row(900_439,   Tenant,                   false, "A US-government app was used on the public endpoint.", "Use login.microsoftonline.us."),
    row(900_561,   Request,                  false, "Wrong HTTP verb on the endpoint (often the browser's back button).", "Use POST for /token; start sign-in again."),
    row(900_971,   AppRedirect,              false, "No redirect URI was given.", "Register one and send it."),
    row(901_002,   Request,                  false, "The parameter 'resource' is not supported here.", "On v2 endpoints send scope instead of resource."),
    row(1_000_031, AppServicePrincipal,      false, "The application cannot be accessed at this time.", "Ask the tenant admin why the app is blocked."),
    row(1_002_012, Request,                  false, "Client-credentials request without '/.default'.", "Use <api>/.default for app-only tokens, encoded once."),
    row(5_000_224, Tenant,                   false, "The tenant/resource is not available (deleted or blocked).", "Check that the tenant still exists and is active."),
    row(7_000_112, AppServicePrincipal,      false, "The application is disabled in the tenant.", "Set accountEnabled=true on the enterprise application."),
    row(7_000_114, Request,                  false, "This app may not use on-behalf-of.", "Use authorization code or refresh token instead of on-behalf-of."),
    row(7_000_215, AppCredential,            false, "Wrong client secret; most often the secret's ID was pasted instead of its value.", "Paste the key VALUE (not the key id) of this very app, or create a new key. Just created: retry a few minutes."),
    row(7_000_218, AppRedirect,              false, "The app counts as confidential but no secret/assertion was sent.", "Native: register http://localhost under publicClient and set isFallbackPublicClient=true (needed for device code); web: send the secret or assertion."),
    row(7_000_222, AppCredential,            false, "The client secret has expired.", "Create a new key (addPassword), store it, test it, then remove the old one; better: certificate or federated credential."),
    row(7_000_229, AppServicePrincipal,      false, "The app registration exists but has no service principal in the tenant.", "Create it with POST /servicePrincipals {appId} (or az ad sp create --id <appId>), or complete admin consent. Just created: retry a few minutes."),
    row(9_001_023, Tenant,                   false, "This grant type is not served on /common or /consumers.", "Use /organizations or the directory id."),
    row(9_002_313, Request,                  false, "The request is malformed.", "Check encoding and that no field is empty (an empty refresh token or secret looks like this)."),
    row(9_002_325, Request,                  false, "PKCE is required for this redemption.", "Use the code flow with PKCE, from a native/web redirect."),
    row(9_002_326, AppRedirect,              false, "Cross-origin redemption is only for single-page-app redirect URIs.", "Redeem from a server/native process without Origin header, or register a spa redirect."),
    row(9_002_327, AppRedirect,              false, "The code came from a single-page-app redirect and cannot be redeemed by a native/server client.", "Register the redirect URI as publicClient (native) or web, not spa; avoid two localhost entries of different kinds."),
    row(9_002_332, Tenant,                   false, "The app is for work accounts only but /consumers was used.", "Use the directory id or /organizations."),
    row(9_002_341, UserSignIn,               false, "The user must first permit single sign-on for the app.", "Sign in interactively and accept."),
];

#[cfg(test)]
mod tests {
    use super::{SetupStep, TABLE, find};

    #[test]
    fn every_number_is_listed_once_in_ascending_order() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        assert!(
            TABLE
                .iter()
                .all(|row| (10_000..10_000_000).contains(&row.code))
        );
    }

    #[test]
    fn every_number_has_a_meaning_and_a_remedy_in_whole_sentences() {
        for row in TABLE {
            for text in [row.meaning, row.remedy] {
                assert!(text.len() > 1 && text.ends_with('.'), "{row:?}");
                assert!(
                    text.starts_with(|c: char| c.is_ascii_uppercase()),
                    "{row:?}"
                );
                assert!(!text.contains(['\n', '[', ']']), "{row:?}");
            }
        }
    }

    #[test]
    fn every_number_of_the_table_is_found_with_its_look_up_link() {
        for row in TABLE {
            let diagnosis = find(row.code).unwrap();
            assert_eq!(diagnosis.step, row.step);
            assert_eq!(
                diagnosis.docs,
                format!("https://login.microsoftonline.com/error?code={}", row.code),
            );
        }
        assert_eq!(find(0), None);
        assert_eq!(find(u32::MAX), None);
    }

    #[test]
    fn the_numbers_that_people_meet_first_name_the_right_step() {
        #[rustfmt::skip]
        let table = [
            (16_000,    SetupStep::UserSignIn,               false),
            (50_011,    SetupStep::AppRedirect,              false),
            (50_076,    SetupStep::UserMfa,                  false),
            (53_003,    SetupStep::Policy,                   false),
            (65_001,    SetupStep::ConsentAdmin,             false),
            (70_016,    SetupStep::UserSignIn,               true),
            (90_002,    SetupStep::Tenant,                   false),
            (90_033,    SetupStep::Runtime,                  true),
            (90_099,    SetupStep::ConsentCustomer,          false),
            (500_011,   SetupStep::ResourceServicePrincipal, false),
            (700_016,   SetupStep::AppRegister,              false),
            (7_000_215, SetupStep::AppCredential,            false),
            (7_000_229, SetupStep::AppServicePrincipal,      false),
            (9_002_341, SetupStep::UserSignIn,               false),
        ];

        for (code, step, retryable) in table {
            let diagnosis = find(code).unwrap();
            assert_eq!(
                (diagnosis.step, diagnosis.retryable),
                (step, retryable),
                "{code}"
            );
        }
    }

    #[test]
    fn only_waiting_heals_a_retryable_number() {
        for row in TABLE.iter().filter(|row| row.retryable) {
            let is_polling = row.code == 70_016;
            assert!(is_polling || row.step == SetupStep::Runtime, "{row:?}");
        }
    }
}
