//! A setting that cannot work: [`ConfigError`], and what is wrong with it.

use std::fmt;

/// A setting that cannot work, found before anything was sent. Each variant is its own fix.
///
/// The text never repeats the value: it may be a secret in the wrong place.
#[non_exhaustive]
#[derive(Clone, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The API has no home in the cloud. Choose another cloud or another API.
    #[error("{api} is not available in {cloud}: {reason}")]
    #[non_exhaustive]
    ApiNotInCloud {
        /// The API.
        api: String,
        /// The cloud.
        cloud: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// The API's audience cannot be used. Give an App ID URI or a GUID.
    #[error(
        "the API's audience {0}; give the App ID URI as registered, such as https://api.partner.microsoft.com"
    )]
    Audience(Flaw),
    /// The claims cannot be used. Give the JSON object as the server sent it.
    #[error("the claims are not a JSON object; give them as the server sent them, decoded")]
    Claims,
    /// The application id cannot be used. Copy it from the app registration.
    #[error(
        "the client id {0}; copy \"Application (client) ID\" from Entra admin center > App registrations > your app > Overview"
    )]
    Client(Flaw),
    /// The key cannot be used. Create a new one and copy its value.
    #[error(
        "the client secret {0}; copy the column \"Value\" from Entra admin center > App registrations > your app > Certificates & secrets (it is shown once, when the key is made)"
    )]
    ClientSecret(Flaw),
    /// The correlation id cannot be used. Give a GUID.
    #[error("the correlation id {0}; give a GUID with hyphens")]
    CorrelationId(Flaw),
    /// A credential cannot be read out of its file. Change the file, or name another.
    #[error("{file} {flaw}")]
    CredentialFile {
        /// The file's path; of bytes that came from elsewhere, what they are.
        file: String,
        /// What is wrong with it, and what to do.
        flaw: FileFlaw,
    },
    /// The HTTP client could not be made from its settings. Change what the text names.
    #[error("the HTTP client cannot be made: {0}")]
    HttpClient(String),
    /// A variable of the environment is not set. Set it.
    #[error("the environment variable {name} is not set; {hint}")]
    #[non_exhaustive]
    MissingVariable {
        /// The variable's name.
        name: &'static str,
        /// What else was seen, and what to set.
        hint: String,
    },
    /// The scope cannot be used. Name at least one, such as `https://graph.microsoft.com/.default`.
    #[error(
        "the scope {0}; name scopes of one API, such as https://api.partner.microsoft.com/.default"
    )]
    Scope(Flaw),
    /// The tenant cannot be used. Copy it from the tenant's overview.
    #[error(
        "the tenant {0}; copy \"Tenant ID\" from Entra admin center > Overview, or use a verified domain such as contoso.onmicrosoft.com"
    )]
    Tenant(Flaw),
    /// A URL cannot be used. Give an absolute `https` URL.
    #[error("the {what} {flaw}; give an absolute https URL (http is for loopback only)")]
    #[non_exhaustive]
    Url {
        /// Which URL.
        what: &'static str,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A variable of the environment holds a value that cannot be used. Change it.
    #[error("the environment variable {name} cannot be used: {error}")]
    #[non_exhaustive]
    Variable {
        /// The variable's name.
        name: &'static str,
        /// What is wrong with its value.
        error: Box<ConfigError>,
    },
}

/// The same text as `Display`: it is `Debug` that `main` and `unwrap` print.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with a credential's file. The text names the cure.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FileFlaw {
    /// A directory.
    Directory,
    /// Nothing stands in it.
    Empty,
    /// The private key is encrypted.
    EncryptedKey,
    /// The private key belongs to none of the certificates.
    KeyMismatch,
    /// The private key is not an RSA key.
    KeyNotRsa,
    /// There is no such file.
    Missing,
    /// A private key, and no certificate.
    NoCertificate,
    /// No private key: nothing, or a certificate or public key only.
    NoPrivateKey,
    /// A pipe, a socket or a device.
    NotAFile,
    /// Not a compact JWT.
    NotAToken,
    /// Not PEM, or PEM that is damaged.
    NotPem,
    /// More than one private key.
    SeveralKeys,
    /// More than a credential can need.
    TooLarge,
    /// The operating system lets nobody, or not this program, read it.
    Unreadable,
    /// An RSA key that is damaged, or of less than 2048 or more than 8192 bits.
    UnusableKey,
}

impl fmt::Display for FileFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "is a directory; name the file in it",
            Self::Empty => "is empty; look at what should have written it",
            Self::EncryptedKey => {
                "holds an encrypted private key, which is not supported yet; decrypt it with `openssl pkey -in FILE -out NEWFILE`, add the certificate, and let this program alone read the result"
            }
            Self::KeyMismatch => {
                "holds a private key that belongs to none of its certificates; add the certificate that was made with this key"
            }
            Self::KeyNotRsa => {
                "holds a private key that is not RSA, and Entra takes RSA only; make a certificate with an RSA key of 2048 bits or more"
            }
            Self::Missing => "does not exist; check the path, and that it is mounted here",
            Self::NoCertificate => {
                "holds a private key and no certificate; add the certificate that is uploaded at the app registration"
            }
            Self::NoPrivateKey => {
                "holds no private key; add it (BEGIN PRIVATE KEY), for a certificate or public key alone cannot sign"
            }
            Self::NotAFile => "is not a file but a pipe, socket or device; copy its content to a file",
            Self::NotAToken => {
                "holds no token; it should be one JWT (three parts with dots between) and nothing else"
            }
            Self::NotPem => {
                "is not PEM, or damaged; convert a PFX with `openssl pkcs12 -in FILE -nodes -out NEWFILE`"
            }
            Self::SeveralKeys => "holds more than one private key; keep the one to sign with",
            Self::TooLarge => {
                "is larger than a credential can be (1 MiB for a certificate, 64 KiB for a token); check the path"
            }
            Self::Unreadable => "cannot be read by this program; check owner and permissions",
            Self::UnusableKey => {
                "holds an RSA key that is damaged or not of 2048 to 8192 bits; make a new key and certificate"
            }
        })
    }
}

/// What is wrong with a value.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    /// There is no text.
    Empty,
    /// A GUID stands where a key's value belongs: it is the key's id.
    KeyId,
    /// `common`, `organizations` or `consumers`, where one tenant is needed.
    NamesNoTenant,
    /// Not a GUID.
    NotAGuid,
    /// Not a scope.
    NotAScope,
    /// Neither a GUID nor a domain.
    NotATenant,
    /// Not a URL that can be read.
    NotAUrl,
    /// Not `https`.
    NotHttps,
    /// A path behind the host.
    Path,
    /// A text to be replaced, such as `<tenant-id>`.
    Placeholder,
    /// Quotation marks around it.
    Quoted,
    /// Characters that no such value has.
    Unprintable,
    /// A URL, where an id or a name is expected.
    Url,
    /// A URL that carries a user, a query or a fragment.
    UrlParts,
    /// White space or control characters in it or around it.
    WhiteSpace,
    /// The GUID of zeros.
    ZeroGuid,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::KeyId => "is a GUID, so it is the key's id and not its value",
            Self::NamesNoTenant => "names no single tenant, and this kind of access needs one",
            Self::NotAGuid => "is not a GUID with hyphens",
            Self::NotAScope => "has characters that no scope has",
            Self::NotATenant => "is neither a GUID nor a domain",
            Self::NotAUrl => "is not a URL",
            Self::NotHttps => "is not https",
            Self::Path => "has a path behind the host, where only the origin is expected",
            Self::Placeholder => "is still a placeholder",
            Self::Quoted => "has quotation marks around it",
            Self::Unprintable => "has characters that do not belong there",
            Self::Url => "is a URL, where only the id or name is expected",
            Self::UrlParts => "carries a user, a query or a fragment",
            Self::WhiteSpace => "has white space or control characters in it or around it",
            Self::ZeroGuid => "is the GUID of zeros",
        })
    }
}
