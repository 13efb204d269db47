//! What is kept apart: tenants, APIs, scopes, claims. What is the same under two names is not.

use std::time::Duration;

use futures_util::FutureExt as _;
use partner_auth::testing::{Answer, ManualClock, ScriptedTransport};
use partner_auth::{
    AccessToken, Api, AppOnlyProvider, Cloud, RetryPolicy, ScopeSet, TenantId, TokenProvider,
    TokenRequest,
};
use tokio::task::JoinSet;

use super::support::{
    Echo, HOUR, SECOND, Scene, TENANT, YEAR, builder, numbered, request, request_in, settle, tenant,
};

const CLAIMS: [Option<&str>; 3] = [
    None,
    Some(r#"{"access_token":{"nbf":{"value":"1"}}}"#),
    Some(r#"{"access_token":{"nbf":{"value":"2"}}}"#),
];

fn echo() -> (ManualClock, Echo, AppOnlyProvider) {
    let clock = ManualClock::new();
    let endpoint = Echo::new(&clock, 3_600);
    let provider = builder()
        .clock(clock.clone())
        .transport(endpoint.clone())
        .app_only();
    (clock, endpoint, provider)
}

fn of(api: &Api, tenant: &TenantId, claims: Option<&str>) -> TokenRequest {
    let request = TokenRequest::new(api.clone()).with_tenant(tenant.clone());
    match claims {
        Some(claims) => request.with_claims(claims).unwrap(),
        None => request,
    }
}

/// What a token must say that was asked for by this.
fn marker(api: &Api, tenant: &TenantId, claims: Option<&str>) -> String {
    // Custom APIs have no cloud, known ones are asked for in the public one.
    let endpoint = api.in_cloud(&Cloud::Public).unwrap();
    Echo::marker(tenant.as_str(), endpoint.scopes().as_str(), claims)
}

#[tokio::test]
async fn every_tenant_api_and_set_of_claims_has_a_token_of_its_own() {
    let (_, endpoint, provider) = echo();
    let apis = [
        Api::PartnerCenter,
        Api::PartnerApi,
        Api::Graph,
        Api::Arm,
        Api::custom("api://orders", "https://orders.example.com").unwrap(),
    ];
    for round in 0..2 {
        for number in 0..5 {
            for api in &apis {
                for claims in CLAIMS {
                    let tenant = numbered(number);
                    let token = provider.token(&of(api, &tenant, claims)).await.unwrap();
                    let marker = marker(api, &tenant, claims);
                    assert!(
                        token.secret().starts_with(&marker),
                        "{round}: {}",
                        token.secret()
                    );
                    assert_eq!(token.tenant(), Some(&tenant));
                }
            }
        }
        assert_eq!(
            endpoint.count(),
            5 * apis.len() * CLAIMS.len(),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn one_thing_by_two_names_has_one_token() {
    #[rustfmt::skip]
    let table = [
        (TokenRequest::for_scopes("a b c".parse().unwrap()),
         TokenRequest::for_scopes("c  a b a".parse().unwrap())),
        (TokenRequest::new(Api::Graph),
         TokenRequest::for_scopes("https://graph.microsoft.com/.default".parse().unwrap())),
        (TokenRequest::new(Api::PartnerCenter),
         TokenRequest::new(Api::custom("https://api.partnercenter.microsoft.com", "https://x.example").unwrap())),
        (request_in(&tenant("Contoso.example.com")),
         request_in(&tenant("contoso.EXAMPLE.com"))),
        (request(),
         request_in(&tenant(TENANT))),
        (request_in(&tenant("aaaabbbb-0000-cccc-1111-dddd2222eeee")),
         request_in(&tenant("AAAABBBB-0000-CCCC-1111-DDDD2222EEEE"))),
    ];
    for (one, other) in table {
        let (_, endpoint, provider) = echo();
        let first = provider.token(&one).await.unwrap();
        assert!(
            provider.token(&other).await.unwrap().is_same_as(&first),
            "{one:?} {other:?}"
        );
        assert_eq!(endpoint.count(), 1);
    }
}

#[tokio::test]
async fn what_looks_alike_is_not_the_same() {
    let scopes = |text: &str| TokenRequest::for_scopes(text.parse::<ScopeSet>().unwrap());
    #[rustfmt::skip]
    let table = [
        (scopes("a b"), scopes("a")),
        (scopes("a b"), scopes("A b")),
        (scopes("a/.default"), scopes("a//.default")),
        (request(), request().with_claims("{}").unwrap()),
        (request_in(&tenant("contoso.com")), request_in(&tenant("contoso.co"))),
        (request(), TokenRequest::new(Api::PartnerApi)),
    ];
    for (one, other) in table {
        let (_, endpoint, provider) = echo();
        let first = provider.token(&one).await.unwrap();
        assert!(
            !provider.token(&other).await.unwrap().is_same_as(&first),
            "{one:?} {other:?}"
        );
        assert_eq!(endpoint.count(), 2);
    }
}

#[tokio::test]
async fn a_tenant_that_hangs_or_fails_is_its_own_trouble() {
    for trouble in [Answer::hang(), Answer::status(503).retry_after("3600")] {
        let endpoint = ScriptedTransport::new()
            .answer(Answer::token("hit", 3_600))
            .answer(trouble)
            .answer(Answer::token("miss", 3_600))
            .repeat_last();
        let scene = Scene::new(&endpoint);
        let (hit, hanging) = (request_in(&numbered(0)), request_in(&numbered(1)));
        scene.provider.token(&hit).await.unwrap();
        let stuck = scene.callers(100, &hanging);
        settle().await;
        assert_eq!(scene.requests(), 2);

        for number in 2..100 {
            let token = scene.provider.token(&hit).now_or_never().unwrap().unwrap();
            assert_eq!(token.secret(), "hit");
            let miss = scene.provider.token(&request_in(&numbered(number))).await;
            assert_eq!(miss.unwrap().secret(), "miss");
        }
        assert_eq!(scene.requests(), 100);
        drop(stuck);
    }
}

#[tokio::test]
async fn an_api_that_hangs_does_not_hold_up_another_of_its_tenant() {
    let endpoint = ScriptedTransport::new()
        .answer(Answer::hang())
        .answer(Answer::token("t-1", 3_600));
    let scene = Scene::new(&endpoint);
    let stuck = scene.callers(1, &request());
    settle().await;
    let token = scene.provider.token(&TokenRequest::new(Api::Graph)).await;
    assert_eq!(token.unwrap().secret(), "t-1");
    drop(stuck);
}

/// Draws that a failure can be repeated with.
struct Draws(u64);

impl Draws {
    fn next(&mut self, below: usize) -> usize {
        // Knuth's MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

/// Whatever happens in whatever order, an answer is always for the question.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_interleaving_gives_a_token_to_a_question_it_is_not_for() {
    for seed in 0..3 {
        let clock = ManualClock::new();
        let endpoint = Echo::new(&clock, 3_600);
        let provider = builder()
            .clock(clock.clone())
            .transport(endpoint.clone())
            .max_cached_tokens(24) // of 36 keys
            .retry(RetryPolicy::default().with_budget(YEAR)) // the clock moves while they wait
            .app_only();

        let mut callers = JoinSet::new();
        for caller in 0..24 {
            let (provider, clock) = (provider.clone(), clock.clone());
            let mut draws = Draws(seed * 1_000 + caller);
            callers.spawn(async move {
                let apis = [Api::PartnerCenter, Api::PartnerApi, Api::Graph];
                let mut last: Option<AccessToken> = None;
                for _ in 0..100 {
                    let tenant = numbered(draws.next(4));
                    let api = &apis[draws.next(3)];
                    let claims = CLAIMS[draws.next(3)];
                    let mut request = of(api, &tenant, claims);
                    match draws.next(20) {
                        0 => provider.invalidate(&request),
                        1 => provider.invalidate_tenant(&tenant),
                        2 => request = request.force_refresh(),
                        3 => clock.advance(Duration::from_secs(700)),
                        4 => {
                            let mut call = provider.token(&request);
                            let _ = futures_util::poll!(&mut call); // and away
                        }
                        5 | 6 => {
                            if let Some(token) = &last {
                                request = request.replacing(token);
                            }
                        }
                        _ => {}
                    }
                    let token = provider.token(&request).await.unwrap();
                    let marker = marker(api, &tenant, claims);
                    assert!(
                        token.secret().starts_with(&marker),
                        "{seed}: {}",
                        token.secret()
                    );
                    assert_eq!(token.tenant(), Some(&tenant));
                    last = Some(token);
                }
            });
        }
        callers.join_all().await;

        // Calls that were given up left fetches behind: one of this key may land after the clock moved.
        provider.invalidate(&request());
        clock.advance(HOUR + SECOND);
        let mut tokens = Vec::new();
        for _ in 0..10 {
            tokens.push(provider.token(&request()).await.unwrap());
        }
        let first = &tokens[0];
        assert!(
            tokens.iter().all(|token| token.is_same_as(first)),
            "it works on as ever"
        );
    }
}
