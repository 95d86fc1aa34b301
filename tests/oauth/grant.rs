//! The one grant: a token for an hour, for a username and a password (RFC 6749, 4.4).

use serde_json::json;

use crate::harness::{Client, Reply, Server, server::Actor};

fn ask(client: &mut Client, actor: &Actor, form: &str) -> Reply {
    client.post("/oauth/token").basic(&actor.name, &actor.password).form(form).send()
}

#[test]
fn a_client_with_a_password_gets_a_token_for_an_hour() {
    let server = Server::start();
    let bo = server.user_with("bo", &["--privilege", "orders:*", "--may-issue", "true"]);
    let mut client = server.client();
    let reply =
        ask(&mut client, &bo, "grant_type=client_credentials&scope=orders:read+orders:list").expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let said = reply.json();
    assert_eq!(said["token_type"], "Bearer");
    assert_eq!((&said["expires_in"], &said["scope"]), (&json!(3600), &json!("orders:list orders:read")));
    let token = said["access_token"].as_str().expect("a token");
    let shown = client.get("/v1/tokens/self").bearer(token).send().expect(200).json();
    assert_eq!(shown["privileges"], json!(["orders:list", "orders:read"]));
    assert_eq!(shown["owner"], "bo");
    // Without a scope, all that there is; by a token as the secret, what that one holds.
    let all = ask(&mut client, &bo, "grant_type=client_credentials").expect(200).json();
    assert_eq!(all["scope"], "orders:*");
    let minter = Actor { name: "any".into(), password: token.into() };
    let child = ask(&mut client, &minter, "grant_type=client_credentials").expect(200).json();
    assert_eq!(child["scope"], said["scope"]);
}

#[test]
fn each_refusal_has_oauths_word() {
    let server = Server::start();
    let bo = server.user_with("bo", &["--privilege", "orders:*", "--may-issue", "true"]);
    let moss = server.member("moss");
    let wrong = Actor { password: "not the password at all".into(), ..bo.clone() };
    let mut client = server.client();
    for (actor, form, status, error) in [
        (&bo, "", 400, "invalid_request"),
        (&bo, "scope=orders:read", 400, "invalid_request"),
        (&bo, "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        (&bo, "grant_type=password&username=bo&password=x", 400, "unsupported_grant_type"),
        (&bo, "grant_type=client_credentials&scope=mail:send", 400, "invalid_scope"),
        (&bo, "grant_type=client_credentials&scope=orders", 400, "invalid_scope"),
        (&bo, "grant_type=client_credentials&scope=jeton:admin", 400, "invalid_scope"),
        (&moss, "grant_type=client_credentials", 400, "unauthorized_client"),
        (&wrong, "grant_type=client_credentials", 401, "invalid_client"),
    ] {
        let reply = ask(&mut client, actor, form);
        reply.problem(status);
        assert_eq!(reply.json()["error"], error, "{form}");
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
    }
    let nobody = client.post("/oauth/token").form("grant_type=client_credentials").send();
    assert_eq!(nobody.problem(401), "basic_required");
    assert_eq!(nobody.header("www-authenticate"), Some(r#"Basic realm="jeton""#));
    let connection = crate::harness::database::open(&server.data());
    let tokens: u32 = connection.query_row("SELECT count(*) FROM tokens", [], |row| row.get(0)).unwrap();
    assert_eq!(tokens, 0, "nothing was made on the way");
}
