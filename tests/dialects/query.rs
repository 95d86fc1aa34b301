//! A token in a query: three routes read one there, all others refuse it, and no log ever shows one.

use crate::harness::{Server, scan::Runs};

/// Where a token in the query is data: it is told of, or looked for.
const READERS: [&str; 3] =
    ["GET /ds-api/user-token", "GET /public/v1/accounts/api-tokens", "GET /v1/accounts/api-tokens"];

/// The names under which clients put tokens into URLs.
const NAMES: [&str; 3] = ["token", "access_token", "user-token"];

/// Every operation that the running server documents, a word in the place of each parameter.
fn operations(server: &Server) -> Vec<(String, String, String)> {
    let document = server.client().get("/openapi.json").send().expect(200).json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "some-id" } else { part });
        let filled = parts.collect::<Vec<_>>().join("/");
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            operations.push((format!("{method} {path}"), method.clone(), filled.clone()));
            if method == "GET" {
                operations.push((format!("GET {path}"), "HEAD".into(), filled.clone()));
            }
        }
    }
    operations
}

#[test]
fn three_routes_read_a_token_in_the_query_and_every_other_refuses_it() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let ada = server.administrator("ada");
    let asker = server.token(&ada);
    let named = server.token(&ada);
    let operations = operations(&server);
    let mut readers = READERS.to_vec();
    let mut client = server.client();
    for (operation, method, path) in &operations {
        let reads = READERS.contains(&operation.as_str());
        readers.retain(|reader| reader != operation);
        for name in NAMES {
            for credential in [None, Some(&asker)] {
                let mut request = client.request(method, &format!("{path}?{name}={named}"));
                if let Some(credential) = credential {
                    request = request.bearer(credential);
                }
                let reply = request.send();
                let what = format!("{method} {path}?{name}=");
                if path.starts_with("/gate") {
                    // Another service's client may put into its query what it likes; here it stands in the gate's own.
                    let reason = reply.header("x-auth-reason").expect("why");
                    let code = if path == "/gate" { "malformed" } else { "invalid" };
                    assert_eq!((reply.status, reason), (400, code), "{what}");
                } else if !reads {
                    assert_eq!(reply.status, 400, "{what}: {}", reply.text());
                    let told = method == "HEAD" || reply.text().contains("not taken from a URL");
                    assert!(told, "{what}: {}", reply.text());
                }
                assert!(!reply.text().contains(&named[27..70]), "{what} is told the token again");
            }
        }
    }
    assert!(operations.len() > 50, "the native API alone has as many: {}", operations.len());
    assert!(readers.is_empty(), "not served: {readers:?}");

    // Those that read one there, and what each needs beside it.
    let mut status = |path: &str, credential: Option<&String>| {
        let request = client.get(&format!("{path}?token={named}"));
        if let Some(credential) = credential { request.bearer(credential) } else { request }.send().status
    };
    for operation in READERS {
        let path = operation.strip_prefix("GET ").unwrap();
        let alone = if path.starts_with("/ds-api") { 200 } else { 401 };
        assert_eq!((status(path, None), status(path, Some(&asker))), (alone, 200), "{path}");
    }
    server.stop();
    let mut runs = Runs::default();
    runs.add_disguised("the token in the query", &named.as_bytes()[27..70]);
    let log = server.log();
    assert!(log.contains("listening"), "there is a log to scan");
    assert_eq!(runs.find(log.as_bytes()), None, "in the log");
    assert!(runs.find(format!("…{named}…").as_bytes()).is_some(), "the scan sees what it looks for");
}
