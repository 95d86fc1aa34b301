//! Organizations: made, listed, read, changed and switched off by whom, and what that does to their tokens.

use serde_json::{Value, json};

use crate::harness::Server;

#[test]
fn one_is_made_with_its_defaults_and_found_by_every_name() {
    let server = Server::start();
    let made = server.locally("POST", "/v1/organizations", &json!({ "slug": "acme" })).expect(201);
    assert_eq!(made.header("location"), Some("/v1/organizations/acme"));
    assert_eq!(made.header("etag"), Some("\"0\""));
    let made = made.json();
    assert_eq!(
        (
            &made["slug"],
            &made["name"],
            &made["description"],
            &made["image"],
            &made["owner"],
            &made["enabled"]
        ),
        (&json!("acme"), &json!("acme"), &json!(""), &json!(""), &Value::Null, &json!(true))
    );
    assert_eq!(made["privileges"], json!(["*:*"]));
    assert_eq!(
        made["policy"],
        json!({
            "api_access": true, "issuers": "admins", "max_lifetime": "366d", "default_lifetime": "30d",
            "allow_never": false, "quota": 10_000,
        })
    );
    let id = made["id"].as_str().unwrap();
    let short: String = id.replace('-', "").chars().take(24).collect();
    for name in ["acme", id, &short, made["number"].as_str().unwrap()] {
        let shown = server.locally("GET", &format!("/v1/organizations/{name}"), &Value::Null).expect(200);
        assert_eq!(shown.json(), made, "{name}");
    }
}
