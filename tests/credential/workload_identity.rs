//! The token file of a workload.

use partner_auth::testing::{Answer, ScriptedTransport};
use partner_auth::{Api, ErrorKind, TokenProvider, TokenRequest, WorkloadIdentityFile};

use super::support::{Folder, builder, request};

#[tokio::test]
async fn the_file_is_read_again_for_each_token() {
    let folder = Folder::new();
    let path = folder.write("token", "e30.e30.first\n");
    let transport = ScriptedTransport::new()
        .answer(Answer::token("t-1", 3_599))
        .answer(Answer::token("t-2", 3_599));
    let provider = builder()
        .client_assertion(WorkloadIdentityFile::new(path))
        .transport(transport.clone())
        .app_only();

    provider.token(&request()).await.unwrap();
    folder.write("token", "e30.e30.second");
    provider
        .token(&TokenRequest::new(Api::Graph))
        .await
        .unwrap();

    let sent: Vec<_> = transport
        .requests()
        .iter()
        .map(|request| request.form_field("client_assertion").unwrap())
        .collect();
    assert_eq!(sent, ["e30.e30.first", "e30.e30.second"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_the_cure() {
    let folder = Folder::new();
    let largest = format!("e30.e30.{}", "x".repeat(64 * 1024 - 8));
    let too_large = format!("{largest}x");
    #[rustfmt::skip]
    let table = [
        (folder.0.join("absent"),                      Some("does not exist")),
        (folder.0.clone(),                             Some("is a directory")),
        (folder.write("empty", ""),                    Some("is empty")),
        (folder.write("blank", "\n"),                  Some("holds no token")),
        (folder.write("json", "{\"hunter2\":1}"),      Some("holds no token")),
        (folder.write("binary", b"\xff\xfe"),          Some("holds no token")),
        (folder.write("large", &too_large),            Some("is larger than")),
        (folder.write("largest", &largest),            None),
    ];
    for (path, expected) in table {
        let transport = ScriptedTransport::new().answer(Answer::token("t-1", 3_599));
        let provider = builder()
            .client_assertion(WorkloadIdentityFile::new(&path))
            .transport(transport.clone())
            .app_only();
        let outcome = provider.token(&request()).await;

        let Some(expected) = expected else {
            outcome.unwrap();
            continue;
        };
        let error = outcome.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(transport.request_count(), 0);
    }
}
