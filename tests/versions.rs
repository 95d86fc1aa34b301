//! Changing what may change: PATCH with the version it is meant for, and nothing that decides.

use serde_json::{Value, json};

use crate::harness::{Reply, Server, server::named};

struct Subject {
    server: Server,
    keeper: String,
    id: String,
    token: String,
}

impl Subject {
    fn new(body: &Value) -> Self {
        let server = Server::start();
        let anna = server.user("anna");
        let keeper = server.token_with(&anna, &["--lifetime", "90d"]);
        let made = server.child(&keeper, body);
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Self { server, keeper, id: text("id"), token: text("token") }
    }

    fn read(&self) -> Reply {
        self.server.client().get(&format!("/v1/tokens/{}", self.id)).bearer(&self.keeper).send().expect(200)
    }

    fn patch(&self, version: Option<&str>, body: &Value) -> Reply {
        let mut client = self.server.client();
        let request = client.patch(&format!("/v1/tokens/{}", self.id)).bearer(&self.keeper).json(body);
        match version {
            Some(version) => request.header("If-Match", version).send(),
            None => request.send(),
        }
    }

    /// Everything about it but its use.
    fn state(&self) -> Value {
        let mut state = self.read().json();
        state["last_used_at"] = Value::Null;
        state["last_used_address"] = Value::Null;
        state
    }
}

#[test]
fn a_change_needs_the_version_it_is_meant_for() {
    let subject = Subject::new(&named("before"));
    let before = subject.state();
    assert_eq!(subject.patch(None, &json!({ "name": "after" })).problem(428), "version_missing");
    assert_eq!(subject.patch(Some("\"7\""), &json!({ "name": "after" })).problem(412), "version_stale");
    assert_eq!(subject.state(), before);

    let tag = subject.read().header("etag").unwrap().to_owned();
    let reply = subject.patch(Some(&tag), &json!({ "name": "after" })).expect(200);
    let after = reply.json();
    assert_eq!((&after["name"], &after["change_sequence"]), (&json!("after"), &json!(1)));
    assert_ne!(reply.header("etag"), Some(tag.as_str()));
    assert_eq!(subject.patch(Some(&tag), &json!({ "name": "again" })).problem(412), "version_stale");
    assert_eq!(subject.state()["name"], "after");
}

#[test]
fn a_version_is_one_strong_tag() {
    let subject = Subject::new(&named("before"));
    let tag = subject.read().header("etag").unwrap().to_owned();
    for wrong in ["W/\"0\"", "0", "", "\"", "\"00\"", "\"-0\"", "\"0", &format!("{tag}, \"1\"x")] {
        let reply = subject.patch(Some(wrong), &json!({ "name": "after" }));
        assert!(matches!(reply.status, 400 | 412 | 428), "{wrong:?} is {}", reply.status);
    }
    assert_eq!(subject.state()["name"], "before");
}

#[test]
fn status_and_delete_honour_a_version_that_is_given() {
    let subject = Subject::new(&named("kept"));
    let mut client = subject.server.client();
    let path = format!("/v1/tokens/{}", subject.id);
    for (method, path) in [("DELETE", path.clone()), ("POST", format!("{path}/disable"))] {
        let reply = client.request(method, &path).bearer(&subject.keeper).header("If-Match", "\"9\"").send();
        reply.problem(412);
    }
    assert!(subject.server.accepts(&subject.token));
}

#[test]
fn labels_change_and_what_decides_never_does() {
    let subject = Subject::new(&json!({ "name": "label", "lifetime": "30d", "privileges": [] }));
    let tag = || subject.read().header("etag").unwrap().to_owned();
    let labels = json!({ "name": "n", "description": "d", "icon": "rocket" });
    let after = subject.patch(Some(&tag()), &labels).expect(200).json();
    for (field, value) in labels.as_object().unwrap() {
        assert_eq!(&after[field], value);
    }
    let before = subject.state();
    for (field, value) in [
        ("id", json!("01890000-0000-7000-8000-000000000001")),
        ("number", json!("TKN-0000-0001")),
        ("token", json!("jtn_x")),
        ("owner", json!("berta")),
        ("organization", json!("other")),
        ("privileges", json!(["a:b"])),
        ("restricted", json!(true)),
        ("status", json!("active")),
        ("expires_at", json!("2030-01-01T00:00:00Z")),
        ("lifetime", json!("60d")),
        ("limits", json!({})),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("change_sequence", json!(0)),
        ("minted_by", json!("password")),
    ] {
        let reply = subject.patch(Some(&tag()), &json!({ field: value }));
        assert!(matches!(reply.status, 400 | 422), "{field}: {}", reply.status);
    }
    assert_eq!(subject.state(), before);
}

#[test]
fn a_patch_of_nothing_changes_nothing() {
    let subject = Subject::new(&named("same"));
    let before = subject.state();
    let reply = subject.patch(Some("\"0\""), &json!({}));
    assert!(matches!(reply.status, 200 | 400 | 422));
    assert_eq!(subject.state(), before);
}

#[test]
fn names_are_bounded_and_hold_no_control_characters() {
    let subject = Subject::new(&named("good"));
    let mut client = subject.server.client();
    let long = "x".repeat(10_000);
    for wrong in ["", " ", &long, "a\nb", "a\0b", "\u{1b}[31m", "a\u{7f}", "\u{2028}"] {
        let reply = client.post("/v1/tokens").bearer(&subject.keeper).json(&named(wrong)).send();
        assert!(matches!(reply.status, 400 | 422), "{:?} is {}", wrong.get(..9), reply.status);
        let reply = subject.patch(Some("\"0\""), &json!({ "name": wrong }));
        assert!(matches!(reply.status, 400 | 422), "{:?} is {}", wrong.get(..9), reply.status);
    }
    let fine = "Ünïcödé ✓ 'quoted' \"twice\" <b>; DROP TABLE token; --";
    let made = subject.server.child(&subject.keeper, &named(fine));
    assert_eq!(made["name"], fine);
}

#[test]
fn modules_are_narrowed_and_never_widened() {
    let server = Server::start();
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let mut client = server.client();
    // No module exists yet: naming one is refused by name rather than believed.
    let body = json!({ "name": "m", "modules": ["MOD-1234-5678"] });
    let reply = client.post("/v1/tokens").bearer(&keeper).json(&body).send();
    assert!(matches!(reply.status, 400 | 404 | 422) && reply.text().contains("module"), "{}", reply.text());
}
