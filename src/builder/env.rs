//! The only reader of the environment.

use std::str::FromStr;

use super::{Builder, PartnerAuth, WantsAccess, WantsCredential};
use crate::cloud::Cloud;
use crate::credential::WorkloadIdentityFile;
use crate::error::ConfigError;

pub(super) fn from_process() -> Result<Builder<WantsAccess>, ConfigError> {
    #[allow(clippy::disallowed_methods)] // the one home of the environment
    from_variables(|name| std::env::var(name).ok())
}

pub(super) fn from_variables(
    variable: impl Fn(&'static str) -> Option<String>,
) -> Result<Builder<WantsAccess>, ConfigError> {
    let builder = PartnerAuth::builder()
        .tenant(parsed(
            &variable,
            TENANT,
            "set it to the directory (tenant) id",
        )?)
        .client(parsed(
            &variable,
            CLIENT,
            "set it to the application (client) id",
        )?);
    let builder = with_credential(builder, &variable)?;

    match set(&variable, AUTHORITY) {
        None => Ok(builder),
        Some(authority) => {
            let cloud = Cloud::of_authority(&authority);
            Ok(builder.cloud(cloud.map_err(|error| unusable(AUTHORITY, error))?))
        }
    }
}

/// Takes the first credential that is set, in the order of Azure's own libraries. One that is set
/// and cannot be used is an error: to pass it over would run with another identity than meant.
fn with_credential(
    builder: Builder<WantsCredential>,
    variable: impl Fn(&'static str) -> Option<String>,
) -> Result<Builder<WantsAccess>, ConfigError> {
    let builder = if set(&variable, SECRET).is_some() {
        builder.client_secret(parsed(&variable, SECRET, "")?)
    } else if let Some(path) = set(&variable, CERTIFICATE) {
        let sends_chain = set(&variable, SEND_CHAIN)
            .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
        with_certificate(builder, path, sends_chain)?
    } else if let Some(path) = set(&variable, TOKEN_FILE) {
        builder.client_assertion(WorkloadIdentityFile::new(path))
    } else {
        return Err(ConfigError::MissingVariable {
            name: SECRET,
            hint: format!("set it to the key's value, or set {CERTIFICATE} or {TOKEN_FILE}"),
        });
    };
    Ok(builder)
}

#[cfg(feature = "certificate")]
fn with_certificate(
    builder: Builder<WantsCredential>,
    path: String,
    sends_chain: bool,
) -> Result<Builder<WantsAccess>, ConfigError> {
    let certificate = crate::credential::ClientCertificate::from_pem_file(path)
        .map_err(|error| unusable(CERTIFICATE, error))?;
    Ok(builder.client_certificate(match sends_chain {
        true => certificate.with_x5c(),
        false => certificate,
    }))
}

#[cfg(not(feature = "certificate"))]
fn with_certificate(
    _: Builder<WantsCredential>,
    _: String,
    _: bool,
) -> Result<Builder<WantsAccess>, ConfigError> {
    Err(ConfigError::MissingVariable {
        name: SECRET,
        hint: format!(
            "{CERTIFICATE} is set, but this program was built without the feature `certificate` of partner-auth; enable it, or set the key's value"
        ),
    })
}

/// A variable that is set to nothing counts as not set: shells and containers make such.
fn set(variable: impl Fn(&'static str) -> Option<String>, name: &'static str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

fn parsed<T: FromStr<Err = ConfigError>>(
    variable: impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    hint: &str,
) -> Result<T, ConfigError> {
    let value = set(variable, name).map(zeroize::Zeroizing::new);
    let value = value.ok_or_else(|| ConfigError::MissingVariable {
        name,
        hint: hint.into(),
    })?;
    value.parse().map_err(|error| unusable(name, error))
}

fn unusable(name: &'static str, error: ConfigError) -> ConfigError {
    ConfigError::Variable {
        name,
        error: Box::new(error),
    }
}

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const SEND_CHAIN: &str = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
