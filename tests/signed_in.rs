//! Where users are signed in: it is seen and ended by whoever may, bounded, and on record.

use serde_json::{Value, json};

use crate::harness::{
    Server,
    page::{Page, cookie_of, from_page, sign_in},
};
use crate::sessions::is_signed_in;

#[test]
fn where_somebody_is_signed_in_can_be_seen_and_ended() {
    let server = Server::start();
    let (ada, bob) = (server.user("ada"), server.user("bob"));
    let mut client = server.client();
    let body = json!({ "username": "ada", "password": ada.password });
    let other =
        from_page(client.post("/v1/session")).header("User-Agent", "Lynx/2").json(&body).send().expect(201);
    let (mut page, mut other) = (Page::open(&server, &ada), Page::with(&server, &cookie_of(&other)));
    let list = page.get("/v1/sessions").expect(200).json();
    let rows = list["items"].as_array().unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (&row["agent"], &row["current"], &row["address"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("Lynx/2"), &json!(false), &json!("127.0.0.1")),
            (&Value::Null, &json!(true), &json!("127.0.0.1"))
        ]
    );
    let path = format!("/v1/sessions/{}", rows[0]["id"].as_str().unwrap());
    // It is nobody else's business, and doesn't exist for them.
    let mut bobs = Page::open(&server, &bob);
    assert_eq!(bobs.request("DELETE", &path).send().problem(404), "not_found");
    assert_eq!(bobs.get("/v1/sessions?username=ada").problem(404), "not_found");
    assert!(is_signed_in(&mut other));
    page.request("DELETE", &path).send().expect(204);
    assert!(!is_signed_in(&mut other));
    assert_eq!(page.request("DELETE", &path).send().problem(404), "not_found");
    // Whoever manages the account may.
    let mut admin = Page::open(&server, &server.administrator("root"));
    let list = admin.get("/v1/sessions?username=ada").expect(200).json();
    let id = list["items"][0]["id"].as_str().unwrap();
    admin.request("DELETE", &format!("/v1/sessions/{id}")).send().expect(204);
    assert!(!is_signed_in(&mut page));
}

#[test]
fn the_oldest_session_ends_where_there_would_be_too_many() {
    let server = Server::start();
    let ada = server.user("ada");
    let mut pages: Vec<Page> = (0..21).map(|_| Page::open(&server, &ada)).collect();
    let alive: Vec<bool> = pages.iter_mut().map(is_signed_in).collect();
    assert_eq!(alive.iter().filter(|alive| **alive).count(), 20);
    assert!(!alive[0]);
}

#[test]
fn the_record_has_a_session_in_its_users_home_and_an_operators_in_none() {
    let server = Server::start();
    let (root, ada) = (server.administrator("root"), server.manager("ada"));
    let mut client = server.client();
    let mut post = |path: &str, body: &Value| {
        client.post(path).bearer(server.secret()).json(body).send().expect(201);
    };
    post("/v1/organizations", &json!({ "slug": "acme", "name": "Acme" }));
    let bob = json!({ "username": "bob", "password": "bob walks a crooked mile", "organization": "acme" });
    post("/v1/users", &bob);
    let mut recorded = |organization: &str| -> Vec<(String, Value)> {
        let path = format!("/v1/events?kind=session.&sort=sequence&organization={organization}");
        let events = client.get(&path).bearer(server.secret()).send().expect(200).json();
        let items = events["items"].as_array().unwrap();
        items.iter().map(|it| (it["kind"].as_str().unwrap().into(), it["object"].clone())).collect()
    };
    let event = |kind: &str, session: &Value| (kind.to_owned(), session.clone());
    // An operator is no organization's: whoever manages their home isn't told when they come and go.
    Page::open(&server, &root);
    assert_eq!(recorded("default"), []);
    // Ada signs in where Bob is signed in: his session ends, which is for his home to know.
    let mut page =
        Page::with(&server, &cookie_of(&sign_in(&mut server.client(), "bob", "bob walks a crooked mile")));
    let bobs = page.get("/v1/session").expect(200).json()["id"].clone();
    let body = json!({ "username": "ada", "password": ada.password });
    let adas = page.send("POST", "/v1/session", &body).expect(201).json()["id"].clone();
    assert_eq!(recorded("acme"), [event("session.begun", &bobs), event("session.ended", &bobs)]);
    assert_eq!(recorded("default"), [event("session.begun", &adas)]);
    // And so it is where an operator ends another's.
    let again =
        sign_in(&mut server.client(), "bob", "bob walks a crooked mile").expect(201).json()["id"].clone();
    let path = format!("/v1/sessions/{}", again.as_str().unwrap());
    Page::open(&server, &root).request("DELETE", &path).send().expect(204);
    assert_eq!(recorded("acme")[2..], [event("session.begun", &again), event("session.ended", &again)]);
    assert_eq!(recorded("default").len(), 1);
}
