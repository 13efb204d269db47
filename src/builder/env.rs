//! The only reader of the environment.

use std::str::FromStr;

use super::{Builder, PartnerAuth, WantsAccess};
use crate::cloud::Cloud;
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
        )?)
        .client_secret(parsed(&variable, SECRET, &other_credentials(&variable))?);

    match set(&variable, AUTHORITY) {
        None => Ok(builder),
        Some(authority) => {
            let cloud = Cloud::of_authority(&authority);
            Ok(builder.cloud(cloud.map_err(|error| unusable(AUTHORITY, error))?))
        }
    }
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

/// Says what else was found, so that nobody looks for the fault in the wrong place.
fn other_credentials(variable: impl Fn(&'static str) -> Option<String>) -> String {
    let found = OTHER_CREDENTIALS
        .into_iter()
        .find(|name| set(&variable, name).is_some());
    match found {
        Some(name) => {
            format!(
                "{name} is set, but this version takes a client secret only; set it to the key's value"
            )
        }
        None => "set it to the key's value".into(),
    }
}

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const OTHER_CREDENTIALS: [&str; 2] = [
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
];
