//! Every carrier gives the same decision, and a request carries one credential or none.

use serde_json::Value;

use crate::harness::{Client, Reply, Server, server::named, token};

/// The five ways to present a token.
const CARRIERS: [&str; 5] = ["basic", "bearer", "x-api-key", "x-access-token", "user-token"];

fn present(client: &mut Client, method: &str, path: &str, carrier: &str, owner: &str, token: &str) -> Reply {
    let request = client.request(method, path);
    match carrier {
        "basic" => request.basic(owner, token),
        "bearer" => request.bearer(token),
        header => request.header(header, token),
    }
    .send()
}

/// What a reply says, but for the time of the last use, which each request moves.
fn said(reply: &Reply) -> (u16, Option<String>, Value) {
    let mut body = reply.json();
    forget_use(&mut body);
    (reply.status, reply.header("www-authenticate").map(Into::into), body)
}

fn forget_use(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("last_used_at");
            members.remove("last_used_address");
            members.remove("last_used_agent");
            members.values_mut().for_each(forget_use);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_use),
        _ => {}
    }
}

#[test]
fn every_carrier_gives_the_same_decision() {
    let server = Server::start();
    let (anna, ada) = (server.user("anna"), server.administrator("ada"));
    let good = server.token(&anna);
    let restricted = server.token_with(&anna, &["--restricted"]);
    let operator = server.token(&ada);
    let disabled = server.token(&anna);
    let id = token::Wire::read(&disabled).uuid();
    server.client().post(&format!("/v1/tokens/{id}/disable")).bearer(&good).send().expect(200);
    let revoked = server.token(&anna);
    server.client().delete("/v1/tokens/self").bearer(&revoked).send().expect(204);
    let wrong_secret = token::resealed(&token::altered(&good, 40));
    let unknown = token::resealed(&token::altered(&good, 20));
    let misspelt = token::altered(&good, 40);
    let tokens = [
        ("good", good),
        ("restricted", restricted),
        ("operator", operator),
        ("disabled", disabled),
        ("revoked", revoked),
        ("wrong secret", wrong_secret),
        ("unknown", unknown),
        ("misspelt", misspelt),
        ("none", "jtn_hello".to_owned()),
    ];
    let routes = [
        ("GET", "/v1/me"),
        ("GET", "/v1/tokens"),
        ("GET", "/v1/tokens/self"),
        ("GET", "/v1/users"),
        ("GET", "/v1/users/anna"),
        ("GET", "/v1/tokens/00000000-0000-7000-8000-000000000000"),
        ("PATCH", "/v1/tokens/self"),
    ];
    let mut client = server.client();
    for (what, token) in &tokens {
        let owner = if *what == "operator" { "ada" } else { "anna" };
        for (method, path) in routes {
            let replies =
                CARRIERS.map(|carrier| said(&present(&mut client, method, path, carrier, owner, token)));
            for (reply, carrier) in replies.iter().zip(CARRIERS).skip(1) {
                assert_eq!(reply, &replies[0], "{what} token, {method} {path}, {carrier}");
            }
        }
    }
}

#[test]
fn a_secret_token_uri_is_accepted_wherever_a_token_is() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let uri = format!("secret-token:{token}");
    let mut client = server.client();
    for carrier in CARRIERS {
        assert_eq!(
            present(&mut client, "GET", "/v1/tokens/self", carrier, "anna", &uri).status,
            200,
            "{carrier}"
        );
    }
    let printed = server.token_with(&anna, &["--uri"]);
    assert!(printed.starts_with("secret-token:jtn_"), "--uri prints the other form");
    assert!(server.accepts(&printed));
    for path in ["/oauth/introspect", "/oauth/revoke"] {
        let ada = server.administrator(&format!("ada{}", path.len()));
        let form = format!("token={}", printed.replace(':', "%3A"));
        let reply = client.post(path).basic(&ada.name, &ada.password).form(&form).send().expect(200);
        if path.ends_with("introspect") {
            assert_eq!(reply.json()["active"], true);
        }
    }
    assert!(!server.accepts(&printed));
}

#[test]
fn the_scheme_is_case_blind_and_what_follows_is_exact() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let mut status =
        |value: String| client.get("/v1/tokens/self").header("Authorization", value).send().status;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(status(format!("{scheme} {token}")), 200, "{scheme}");
    }
    for wrong in [
        format!("Bearer{token}"),
        format!("Bearer {token}x"),
        format!("Bearer x{token}"),
        format!("Bearer {token} {token}"),
        format!("Token {token}"),
        token.clone(),
        format!("Bearer {}", token.to_uppercase()),
        "Bearer".into(),
        "Bearer ".into(),
        "Basic".into(),
        "Basic !!!".into(),
        String::new(),
    ] {
        let got = status(wrong.clone());
        assert!(matches!(got, 400 | 401), "{got} for {:?}", wrong.replace(&token, "TOKEN"));
    }
}

#[test]
fn more_than_one_credential_is_400_even_when_all_are_good() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    let headers = ["Authorization", "x-api-key", "x-access-token", "user-token"];
    let value =
        |header: &str| if header == "Authorization" { format!("Bearer {token}") } else { token.clone() };
    for first in headers {
        for second in headers {
            let reply = client
                .get("/v1/tokens/self")
                .header(first, value(first))
                .header(second, value(second))
                .send();
            let code = reply.problem(400);
            let expected = if first == second { "credential_repeated" } else { "credential_ambiguous" };
            assert_eq!(code, expected, "{first} and {second}");
        }
    }
}

#[test]
fn a_token_in_the_query_or_the_body_is_data() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    let mut client = server.client();
    for query in ["token", "access_token", "x-api-key", "user-token", "Authorization"] {
        let reply = client.get(&format!("/v1/me?{query}={token}")).send();
        assert!(matches!(reply.status, 400 | 401), "?{query}= is {}", reply.status);
    }
    let body = serde_json::json!({ "name": "x", "token": token });
    let reply = client.post("/v1/tokens").json(&body).send();
    assert_eq!(reply.status, 401);
    let form = client.post("/v1/tokens").form(&format!("access_token={token}&name=x")).send();
    assert_ne!(form.status, 201);
}

#[test]
fn a_token_that_comes_by_basic_is_a_token_whatever_name_stands_beside_it() {
    let server = Server::start();
    let (anna, _) = (server.user("anna"), server.user("berta"));
    let token = server.token(&anna);
    let mut client = server.client();
    for (username, password) in [("anna", token.as_str()), ("", &token), ("berta", &token), (&token, "")] {
        let me = client.get("/v1/me").basic(username, password).send().expect(200).json();
        assert_eq!(me["user"]["username"], "anna");
    }
}

#[test]
fn a_credential_that_is_not_text_is_400_at_the_door() {
    let server = Server::start();
    for header in ["Authorization", "x-api-key", "x-access-token", "user-token"] {
        let mut client = server.client();
        let reply =
            client.get("/v1/me").header(header, [b"Bearer ".as_slice(), &[0xff, 0xfe]].concat()).send();
        reply.problem(400);
    }
}

#[test]
fn a_password_and_a_token_of_the_same_owner_see_the_same() {
    let server = Server::start();
    let anna = server.user("anna");
    let token = server.token(&anna);
    server.child(&token, &named("one more"));
    let mut client = server.client();
    let by_password = client.get("/v1/tokens").basic(&anna.name, &anna.password).send().expect(200).json();
    let by_token: Value = client.get("/v1/tokens").bearer(&token).send().expect(200).json();
    let ids = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&by_password), ids(&by_token));
    assert_eq!(ids(&by_token).len(), 2);
}
