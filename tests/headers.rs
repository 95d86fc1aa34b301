//! What a browser may do with a reply: of every route and status, errors too, the page and what it refers to.

use crate::{
    conformance::unguarded,
    harness::{Reply, Server, client::Client},
};

/// The page's own policy: nothing inline, nothing foreign, no text made into HTML, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

fn gets(client: &mut Client, target: &str, headers: &[(&str, &str)]) -> Reply {
    let request = client.get(target);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

#[test]
fn refusals_of_the_door_and_of_nobodys_routes_are_guarded_too() {
    let server = Server::start();
    let mut client = server.client();
    let long = "x".repeat(20_000);
    for (status, target, headers) in [
        (404, "/nowhere", vec![]),
        (404, "/v1/nowhere", vec![]),
        (404, "/public/v1/nowhere", vec![]),
        (404, "/assets/x/y.js", vec![]),
        (400, "//v1/tokens", vec![]),
        (400, "/v1/%2e%2e/tokens", vec![]),
        (421, "/", vec![("Host", "evil.example")]),
        (400, "/v1/me", vec![("Authorization", "Bearer x"), ("Authorization", "Bearer x")]),
        (401, "/v1/me", vec![]),
        (415, "/v1/me", vec![("Content-Encoding", "gzip")]),
        (431, "/v1/me", vec![("X-Long", long.as_str())]),
    ] {
        let reply = gets(&mut client, target, &headers);
        assert_eq!((reply.status, unguarded(&reply)), (status, vec![]), "{target} with {headers:?}");
    }
    let reply = client.request("TRACE", "/v1/me").send();
    assert_eq!((reply.status, unguarded(&reply)), (405, vec![]));
}

#[test]
fn the_page_is_guarded_and_what_it_refers_to_is_kept_for_good() {
    let server = Server::start();
    let mut client = server.client();
    let page = gets(&mut client, "/", &[]).expect(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let text = page.text();
    let referred: Vec<&str> =
        text.split("assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(referred.iter().any(|name| name.contains(".css")), "{text}");
    let mut transferred = gets(&mut client, "/", &[("Accept-Encoding", "gzip")]).expect(200).body.len();
    for name in referred {
        let target = format!("/assets/{name}");
        let plain = gets(&mut client, &target, &[("Accept-Encoding", "br, gzip;q=0")]).expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        let packed = gets(&mut client, &target, &[("Accept-Encoding", "br, GZIP;q=0.5")]).expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert!(packed.body.len() <= plain.body.len() + 32, "{target}");
        transferred += packed.body.len();
        for reply in [&plain, &packed] {
            assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!(reply.header("vary"), Some("Accept-Encoding"));
        }
        for reply in [&page, &plain, &packed] {
            assert_eq!(reply.header("content-security-policy"), Some(POLICY));
            let lacking = unguarded(reply);
            let own =
                |lack: &String| lack.starts_with("cache-control") || lack.starts_with("content-security");
            assert!(lacking.iter().all(own), "{target}: {lacking:?}");
        }
        // Another version's name is none.
        let (digest, file) = name.split_once('/').unwrap();
        let other: String = digest.chars().rev().collect();
        gets(&mut client, &format!("/assets/{other}/{file}"), &[]).expect(404);
    }
    println!("{transferred} bytes in all");
    assert!(transferred < 100_000);
}
