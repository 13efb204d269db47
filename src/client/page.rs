//! Collections, and the way to their next page. Pure.

use std::fmt;
use std::marker::PhantomData;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use crate::api::ApiEndpoint;
use crate::error::{Error, ErrorKind};

/// One page of a collection, in any of the APIs' ways to write one.
///
/// | Who | Items | The next page |
/// |---|---|---|
/// | Partner Center | `items` | `links.next` with its headers, or `continuationToken` |
/// | Partner API, Graph | `value` | `@odata.nextLink` |
/// | Insights, ARM | `value`, `items` | `nextLink` |
/// | some | the array itself | |
///
/// ```
/// # use partner_auth::Page;
/// let page: Page<u32> = serde_json::from_str(r#"{"totalCount":9,"items":[1,2]}"#)?;
/// assert_eq!((page.items, page.total), (vec![1, 2], Some(9)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many items there are in all, where the API says so.
    pub total: Option<u64>,
    pub(crate) next: Option<Next>,
}

impl<T> Page<T> {
    /// Returns `true` when another page follows.
    ///
    /// `PartnerRequest::items` walks them for you: the published links need care.
    #[must_use]
    pub fn has_next(&self) -> bool {
        self.next.is_some()
    }
}

/// Where the next page is, as the API says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The same URL, with this `MS-ContinuationToken`.
    Continue(String),
    /// This URL, with these headers.
    Link {
        uri: String,
        headers: Vec<(String, String)>,
    },
}

impl Next {
    /// Returns the way to the next page that a response header names, if one does.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let token = headers.get(CONTINUATION)?.to_str().ok()?;
        (!token.is_empty()).then(|| Self::Continue(token.to_owned()))
    }

    /// Returns the request of the next page, if it stays with the API.
    ///
    /// The published links have traps, which are mended where that is safe: a link of the API's own
    /// host with `http` is upgraded, a relative one without the version gets the current one's, and
    /// a second `?` is taken for an `&`. What leads elsewhere is refused.
    pub(crate) fn request(
        self,
        current: &Url,
        endpoint: &ApiEndpoint,
    ) -> Result<(Url, HeaderMap), Error> {
        match self {
            Self::Continue(token) => {
                let mut headers = HeaderMap::new();
                headers.insert(CONTINUATION, header_value(&token)?);
                Ok((current.clone(), headers))
            }
            Self::Link { uri, headers } => {
                let url = resolved(&uri, current, endpoint)?;
                let mut kept = HeaderMap::new();
                for (name, value) in headers {
                    // Only what belongs to paging: a page must not be able to set other headers.
                    let name = name.to_ascii_lowercase();
                    if let (true, Ok(name)) = (name.starts_with("ms-"), name.parse::<HeaderName>())
                    {
                        kept.insert(name, header_value(&value)?);
                    }
                }
                Ok((url, kept))
            }
        }
    }
}

fn resolved(uri: &str, current: &Url, endpoint: &ApiEndpoint) -> Result<Url, Error> {
    let unreadable = || Error::new(ErrorKind::Malformed, "the link to the next page is no URL");
    let base = endpoint.base_url();
    let mut url = match Url::parse(uri) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) if !uri.starts_with("//") => {
            let mended = one_question_mark(uri);
            let is_to_current =
                uri.starts_with('?') || (uri.starts_with('/') && base.path() != "/");
            match is_to_current {
                true => current.join(&mended),
                false => base.join(&with_version(&mended, current)),
            }
            .map_err(|_| unreadable())?
        }
        Err(_) => return Err(unreadable()),
    };
    if url.scheme() == "http" && base.scheme() == "https" && url.port().is_none() {
        let _ = url.set_scheme("https");
    }
    match endpoint.allows(&url) {
        true => Ok(url),
        false => Err(Error::new(
            ErrorKind::OriginRefused,
            format!(
                "the link to the next page leads from {base} to {}",
                url.origin().ascii_serialization()
            ),
        )),
    }
}

/// `v1`, `v1.0`, `v2.1`: what both APIs' paths begin with.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    !number.is_empty()
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Partner Center's relative links may lack the version that all its paths begin with.
fn with_version(uri: &str, current: &Url) -> String {
    let path = uri.trim_start_matches('/');
    let version = current
        .path_segments()
        .and_then(|mut segments| segments.next());
    let version = version.filter(|segment| is_version(segment));
    let has_version = path.split(['/', '?']).next().is_some_and(is_version);
    match (version, has_version) {
        (Some(version), false) => format!("{version}/{path}"),
        _ => path.to_owned(),
    }
}

/// Its published sample has a second `?` where an `&` belongs, before a name.
fn one_question_mark(uri: &str) -> String {
    let Some((path, query)) = uri.split_once('?') else {
        return uri.to_owned();
    };
    let mut parts = query.split('?');
    let mut mended = format!("{path}?{}", parts.next().unwrap_or_default());
    for part in parts {
        let name = part
            .split('=')
            .next()
            .filter(|name| name.len() < part.len());
        let is_parameter = name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        mended.push(if is_parameter { '&' } else { '?' });
        mended.push_str(part);
    }
    mended
}

fn header_value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| {
        Error::new(
            ErrorKind::Malformed,
            "the link to the next page has a broken header",
        )
    })
}

const CONTINUATION: HeaderName = HeaderName::from_static("ms-continuationtoken");

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct PageVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for PageVisitor<T> {
            type Value = Page<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a collection: an array, or an object with `items` or `value`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Page<T>, A::Error> {
                let wire = Wire::deserialize(MapAccessDeserializer::new(map))?;
                wire.into_page()
                    .ok_or_else(|| serde::de::Error::missing_field("items"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Page<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Page {
                    items,
                    total: None,
                    next: None,
                })
            }
        }

        from.deserialize_any(PageVisitor(PhantomData))
    }
}

#[derive(Deserialize)]
struct Wire<T> {
    items: Option<Vec<T>>,
    value: Option<Vec<T>>,
    #[serde(rename = "totalCount")]
    total_count: Option<Value>,
    #[serde(rename = "@odata.count")]
    odata_count: Option<Value>,
    links: Option<Links>,
    #[serde(rename = "continuationToken")]
    continuation_token: Option<String>,
    #[serde(rename = "@odata.nextLink")]
    odata_next_link: Option<String>,
    #[serde(rename = "nextLink")]
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Links {
    next: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    uri: Option<String>,
    #[serde(default)]
    headers: Option<Vec<Header>>,
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: String,
}

impl<T> Wire<T> {
    fn into_page(self) -> Option<Page<T>> {
        let is_given = |text: &String| !text.is_empty();
        let plain = self.odata_next_link.or(self.next_link).filter(is_given);
        let plain = plain.map(|uri| Next::Link {
            uri,
            headers: Vec::new(),
        });
        let link = || {
            let link = self.links?.next?;
            let headers = link.headers.unwrap_or_default();
            let headers = headers
                .into_iter()
                .map(|header| (header.key, header.value))
                .collect();
            Some(Next::Link {
                uri: link.uri.filter(is_given)?,
                headers,
            })
        };
        let token = || self.continuation_token.filter(is_given).map(Next::Continue);
        Some(Page {
            items: self.items.or(self.value)?,
            total: self
                .total_count
                .or(self.odata_count)
                .and_then(|count| count.as_u64()),
            next: plain.or_else(link).or_else(token),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;
    use crate::cloud::Cloud;

    fn next(api: &Api, current: &str, uri: &str) -> Result<String, ErrorKind> {
        let endpoint = api.in_cloud(&Cloud::Public).unwrap();
        let current = Url::parse(current).unwrap();
        let next = Next::Link {
            uri: uri.into(),
            headers: Vec::new(),
        };
        let request = next.request(&current, &endpoint);
        request
            .map(|(url, _)| url.to_string())
            .map_err(|error| error.kind())
    }

    #[test]
    fn the_published_links_are_mended_and_never_lead_astray() {
        let center = "https://api.partnercenter.microsoft.com";
        let refused = Err(ErrorKind::OriginRefused);
        #[rustfmt::skip]
        let table = [
            // the trap, the link, where it leads
            ("relative",            "/v1/customers?size=2",                Ok("/v1/customers?size=2")),
            ("no slash",            "v1/customers?size=2",                 Ok("/v1/customers?size=2")),
            ("no version",          "/customers?size=2",                   Ok("/v1/customers?size=2")),
            ("neither",             "customers?size=2",                    Ok("/v1/customers?size=2")),
            ("two question marks",  "/customers?size=2?seekOperation=Next", Ok("/v1/customers?size=2&seekOperation=Next")),
            ("a legal question mark", "/v1/customers?filter=what?",        Ok("/v1/customers?filter=what?")),
            ("a query alone",       "?size=2",                             Ok("/v1/customers?size=2")),
            ("absolute",            "https://api.partnercenter.microsoft.com/v1/x", Ok("/v1/x")),
            ("http",                "http://api.partnercenter.microsoft.com/v1/x",  Ok("/v1/x")),
            ("http with a port",    "http://api.partnercenter.microsoft.com:8080/v1/x", refused),
            ("another host",        "https://evil.example/v1/x",           refused),
            ("the other API",       "https://api.partner.microsoft.com/x", refused),
            ("a user",              "https://x@api.partnercenter.microsoft.com/x",  refused),
            ("no scheme",           "//evil.example/x",                    Err(ErrorKind::Malformed)),
            ("backslashes",         "\\\\evil.example/x",                  Ok("/v1///evil.example/x")),
            ("a script",            "javascript:alert(1)",                 refused),
        ];
        for (trap, uri, expected) in table {
            let expected = expected.map(|path| format!("{center}{path}"));
            let actual = next(&Api::PartnerCenter, &format!("{center}/v1/customers"), uri);
            assert_eq!(actual, expected, "{trap}");
        }

        let actual = next(
            &Api::PartnerApi,
            "https://api.partner.microsoft.com/v1.0/engagements/referrals",
            "http://api.partner.microsoft.com/v1.0/referrals?$skiptoken=x",
        );
        assert_eq!(
            actual.as_deref(),
            Ok("https://api.partner.microsoft.com/v1.0/referrals?$skiptoken=x")
        );
    }

    #[test]
    fn a_page_sets_no_headers_but_its_own() {
        let endpoint = Api::PartnerCenter.in_cloud(&Cloud::Public).unwrap();
        let header = |key: &str| (key.to_owned(), "x".to_owned());
        let headers = vec![
            header("MS-ContinuationToken"),
            header("Authorization"),
            header("Host"),
        ];
        let next = Next::Link {
            uri: "v1/x".into(),
            headers,
        };
        let (_, headers) = next.request(endpoint.base_url(), &endpoint).unwrap();
        assert_eq!(headers.keys().collect::<Vec<_>>(), [&CONTINUATION]);
    }

    #[test]
    fn every_way_to_write_a_page_is_read() {
        let link = |uri: &str| {
            Some(Next::Link {
                uri: uri.into(),
                headers: Vec::new(),
            })
        };
        #[rustfmt::skip]
        let table = [
            ("[1,2]",                                                                     None, None),
            (r#"{"items":[1,2],"totalCount":7,"attributes":{}}"#,                            Some(7), None),
            (r#"{"value":[1,2],"@odata.count":7,"@odata.nextLink":"a"}"#,                    Some(7), link("a")),
            (r#"{"value":[1,2],"nextLink":"a"}"#,                                            None, link("a")),
            (r#"{"value":[1,2],"nextLink":""}"#,                                             None, None),
            (r#"{"items":[1,2],"links":{"self":{},"next":{"uri":"a","method":"GET"}}}"#,     None, link("a")),
            (r#"{"items":[1,2],"links":{"next":null}}"#,                                     None, None),
            (r#"{"items":[1,2],"continuationToken":"t"}"#,                                   None, Some(Next::Continue("t".into()))),
        ];
        for (body, total, next) in table {
            let page: Page<u8> = serde_json::from_str(body).unwrap();
            assert_eq!(
                (page.items, page.total, page.next),
                (vec![1, 2], total, next),
                "{body}"
            );
        }
        assert!(serde_json::from_str::<Page<u8>>(r#"{"code":"x"}"#).is_err());
    }
}
