//! The steps of a setup, each with the place where it is done.

use std::fmt;

/// The setup step that a [`Diagnosis`](super::Diagnosis) asks you to look at.
///
/// `Display` writes the dotted id of [`as_str`](Self::as_str).
///
/// ```
/// # use partner_auth::SetupStep;
/// assert_eq!(SetupStep::AppCredential.to_string(), "app.credential");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SetupStep {
    /// The Entra role of the administrator who sets things up.
    AdminRole,
    /// The sign-in of that administrator.
    AdminSignIn,
    /// The client secret, certificate or federated credential of the app.
    AppCredential,
    /// The API permissions listed on the app registration.
    AppPermission,
    /// The redirect URIs of the app, and whether it is a public or a confidential client.
    AppRedirect,
    /// The app registration itself, and its application id.
    AppRegister,
    /// The service principal of the app in the tenant, also called its enterprise application.
    AppServicePrincipal,
    /// The consent of an administrator to the app's permissions.
    ConsentAdmin,
    /// The consent of a customer tenant, given through Partner Center.
    ConsentCustomer,
    /// A conditional-access or other policy of the tenant.
    Policy,
    /// The form of the request: its scope, its grant, the API it is meant for.
    Request,
    /// The service principal of the Partner API in the tenant.
    ResourceServicePrincipal,
    /// Nothing in the setup: the service is busy, or does not know a new object yet.
    Runtime,
    /// The directory (tenant) and the cloud it lives in.
    Tenant,
    /// Multi-factor authentication of the user who signs in.
    UserMfa,
    /// The role or assignment of the user who signs in.
    UserRole,
    /// The sign-in of the user.
    UserSignIn,
}

impl SetupStep {
    /// Returns the stable id of the step, such as `app.credential`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminRole => "admin.role",
            Self::AdminSignIn => "admin.signin",
            Self::AppCredential => "app.credential",
            Self::AppPermission => "app.permission",
            Self::AppRedirect => "app.redirect",
            Self::AppRegister => "app.register",
            Self::AppServicePrincipal => "app.service_principal",
            Self::ConsentAdmin => "consent.admin",
            Self::ConsentCustomer => "consent.customer",
            Self::Policy => "policy",
            Self::Request => "request",
            Self::ResourceServicePrincipal => "resource.service_principal",
            Self::Runtime => "runtime",
            Self::Tenant => "tenant",
            Self::UserMfa => "user.mfa",
            Self::UserRole => "user.role",
            Self::UserSignIn => "user.signin",
        }
    }

    /// Returns one line that names the portal page, or the place, where the step is done.
    ///
    /// The text is for people. Portals are rearranged; it may change in any release.
    ///
    /// ```
    /// # use partner_auth::SetupStep;
    /// assert_eq!(
    ///     SetupStep::AppCredential.where_to_fix(),
    ///     "Entra admin center > App registrations > your app > Certificates & secrets",
    /// );
    /// ```
    #[must_use]
    #[rustfmt::skip]
    pub const fn where_to_fix(self) -> &'static str {
        match self {
            Self::AdminRole => "Entra admin center > Roles & admins",
            Self::AdminSignIn => "Entra admin center (https://entra.microsoft.com), signed in to the partner tenant",
            Self::AppCredential => "Entra admin center > App registrations > your app > Certificates & secrets",
            Self::AppPermission => "Entra admin center > App registrations > your app > API permissions",
            Self::AppRedirect => "Entra admin center > App registrations > your app > Authentication",
            Self::AppRegister => "Entra admin center > App registrations > your app > Overview",
            Self::AppServicePrincipal => "Entra admin center > Enterprise apps > your app > Properties",
            Self::ConsentAdmin => "Entra admin center > Enterprise apps > your app > Permissions > Grant admin consent",
            Self::ConsentCustomer => "Partner Center API > POST v1/customers/{customer id}/applicationconsents",
            Self::Policy => "Entra admin center > Sign-in logs > the failed sign-in > Conditional Access",
            Self::Request => "Your code or settings > the scope, grant and API of the request",
            Self::ResourceServicePrincipal => "Entra admin center > Enterprise apps > Microsoft Partner or Microsoft Partner Center",
            Self::Runtime => "Nothing to set up > wait, then try again",
            Self::Tenant => "Entra admin center > Overview > Tenant ID",
            Self::UserMfa => "https://mysignins.microsoft.com/security-info, signed in as that user",
            Self::UserRole => "Partner Center > Account settings > User management, or Entra admin center > Enterprise apps > your app > Users and groups",
            Self::UserSignIn => "Browser or device-code sign-in > an account of the partner tenant",
        }
    }
}

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::SetupStep;

    #[test]
    fn every_step_has_an_id_and_a_place_of_its_own() {
        let ids: HashSet<_> = ALL.iter().map(|step| step.as_str()).collect();
        let places: HashSet<_> = ALL.iter().map(|step| step.where_to_fix()).collect();

        assert_eq!(ids.len(), ALL.len());
        assert_eq!(places.len(), ALL.len());
        assert!(
            places
                .iter()
                .all(|place| !place.is_empty() && !place.contains('\n'))
        );
    }

    #[test]
    fn a_step_is_displayed_as_its_dotted_id() {
        assert_eq!(
            SetupStep::ResourceServicePrincipal.to_string(),
            "resource.service_principal"
        );
        assert_eq!(format!("{:>9}", SetupStep::Policy), "   policy");
    }

    const ALL: [SetupStep; 17] = [
        SetupStep::AdminRole,
        SetupStep::AdminSignIn,
        SetupStep::AppCredential,
        SetupStep::AppPermission,
        SetupStep::AppRedirect,
        SetupStep::AppRegister,
        SetupStep::AppServicePrincipal,
        SetupStep::ConsentAdmin,
        SetupStep::ConsentCustomer,
        SetupStep::Policy,
        SetupStep::Request,
        SetupStep::ResourceServicePrincipal,
        SetupStep::Runtime,
        SetupStep::Tenant,
        SetupStep::UserMfa,
        SetupStep::UserRole,
        SetupStep::UserSignIn,
    ];
}
