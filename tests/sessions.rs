//! Being signed in at the page: how it begins, what it may do, and everything that ends it.

use serde_json::{Value, json};

use crate::harness::{
    Client, Reply, Server, database,
    page::{COOKIE, Page, cookie_of, from_page, sign_in},
    scan::Runs,
    server::named,
};
use crate::secrecy::holds_none;

/// Whether a page's cookie is good still.
pub fn is_signed_in(page: &mut Page) -> bool {
    let reply = page.get("/v1/session");
    if reply.status != 200 {
        assert_eq!(reply.problem(401), "session_ended");
    }
    reply.status == 200
}

#[test]
fn signing_in_gives_a_session_that_is_as_good_as_the_password() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let reply = sign_in(&mut server.client(), &ada.name, &ada.password).expect(201);
    let cookie = cookie_of(&reply);
    assert_eq!(
        reply.header("set-cookie").unwrap(),
        format!("{COOKIE}={cookie}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200")
    );
    assert!(!reply.text().contains(&cookie), "the secret is the cookie's alone");
    let mut page = Page::with(&server, &cookie);
    let session = page.get("/v1/session").expect(200).json();
    assert_eq!((&session["user"]["username"], &session["manages"]), (&json!("ada"), &json!(true)));
    assert_eq!(session["organization"]["slug"], "default");
    // It mints, and the token says how it was made.
    let made = page.send("POST", "/v1/tokens", &named("robot")).expect(201).json();
    assert!(server.accepts(made["token"].as_str().unwrap()));
    let listed = page.get("/v1/tokens?minted_by=session").expect(200).json();
    assert_eq!(listed["items"][0]["id"], made["id"]);
    // It manages what its user manages; and the record says that it was a session.
    page.send("POST", "/v1/users", &json!({ "username": "bob", "password": "bob walks a crooked mile" }))
        .expect(201);
    let events = page.get("/v1/events?kind=user.created").expect(200).json();
    assert_eq!(events["items"][0]["actor"], "session");
    assert_eq!(page.get("/v1/me").expect(200).json()["credential"], "session");
    let begun = page.get("/v1/events?kind=session.begun").expect(200).json();
    assert_eq!(begun["items"][0]["object"], session["id"]);
    // A user who manages nothing is told so.
    let eve = server.member("eve");
    let mut eves = Page::open(&server, &eve);
    let session = eves.get("/v1/session").expect(200).json();
    assert_eq!((&session["manages"], &session["operator"]), (&json!(false), &json!(false)));
    assert_eq!(eves.get("/v1/users").problem(403), "administrator_required");
}

/// Guesses until nobody is looked at for longer than a slow machine takes for the next try; how many were looked at.
fn guess_until_kept_out(client: &mut Client, name: &str) -> usize {
    let mut looked_at = 0;
    loop {
        let reply = sign_in(client, name, "not the password at all");
        if reply.status == 401 {
            looked_at += 1;
            continue;
        }
        assert_eq!(reply.problem(429), "throttled");
        let wait: u32 = reply.header("retry-after").expect("when to come again").parse().unwrap();
        if wait > 2 {
            return looked_at;
        }
    }
}

#[test]
fn a_wrong_password_gives_none() {
    let server = Server::start();
    let ada = server.user("ada");
    let mut client = server.client();
    let wrong = sign_in(&mut client, "ada", "not the password at all");
    assert_eq!(wrong.problem(401), "credential_invalid");
    assert_eq!(wrong.header("set-cookie"), None);
    let unknown = sign_in(&mut client, "nobody", "not the password at all");
    assert_eq!((unknown.status, &unknown.body), (401, &wrong.body));
    // Whoever is signed in isn't kept out by somebody else's guesses.
    let mut page = Page::open(&server, &ada);
    guess_until_kept_out(&mut client, "ada");
    assert_eq!(sign_in(&mut client, "ada", &ada.password).problem(429), "throttled");
    assert!(is_signed_in(&mut page));
    page.send("POST", "/v1/tokens", &named("robot")).expect(201);
    // Nor from giving the password again; but guesses from there are counted like any others.
    let right = json!({ "username": "ada", "password": ada.password });
    let again = page.send("POST", "/v1/session", &right).expect(201);
    let mut page = Page::with(&server, &cookie_of(&again));
    let wrong = json!({ "username": "ada", "password": "not the password at all" });
    for _ in 0..5 {
        assert_eq!(page.send("POST", "/v1/session", &wrong).problem(401), "credential_invalid");
    }
    while page.send("POST", "/v1/session", &wrong).status != 429 {}
    // What was forgiven there isn't forgiven elsewhere.
    assert!(guess_until_kept_out(&mut client, "ada") < 5);
    assert_eq!(sign_in(&mut client, "ada", &ada.password).problem(429), "throttled");
}

#[test]
fn a_cookie_that_was_there_before_is_worth_nothing_and_changes_nothing() {
    let server = Server::start();
    let ada = server.user("ada");
    let preset = format!("jts_{}", "A".repeat(43));
    for cookie in [preset.as_str(), "", "jts_", "x; y", "\u{e9}"] {
        let mut page = Page::with(&server, cookie);
        assert_eq!(page.get("/v1/session").problem(401), "session_ended", "{cookie}");
    }
    let mut fixed = Page::with(&server, &preset);
    let body = json!({ "username": "ada", "password": ada.password });
    let reply = fixed.send("POST", "/v1/session", &body).expect(201);
    assert_ne!(cookie_of(&reply), preset);
    assert!(!is_signed_in(&mut fixed), "what was set before is no session after it");
    let mut page = Page::with(&server, &cookie_of(&reply));
    assert!(is_signed_in(&mut page));
    // Two of them, or one beside another credential: nobody guesses which is meant.
    let twice = format!("{COOKIE}={}; {COOKIE}={preset}", page.cookie);
    let mut client = server.client();
    let reply = from_page(client.get("/v1/session")).header("Cookie", twice).send();
    assert_eq!(reply.problem(400), "credential_ambiguous");
    let both = page.request("GET", "/v1/me").basic("ada", &ada.password).send();
    assert_eq!(both.problem(400), "credential_ambiguous");
}

#[test]
fn signing_in_again_or_out_ends_the_session_and_a_stolen_cookie_with_it() {
    let server = Server::start();
    let ada = server.user("ada");
    let mut first = Page::open(&server, &ada);
    let body = json!({ "username": "ada", "password": ada.password });
    let second = cookie_of(&first.send("POST", "/v1/session", &body).expect(201));
    assert_ne!(first.cookie, second);
    assert!(!is_signed_in(&mut first));
    let (mut page, mut thief) = (Page::with(&server, &second), Page::with(&server, &second));
    assert!(is_signed_in(&mut page) && is_signed_in(&mut thief));
    let gone = page.request("DELETE", "/v1/session").send().expect(204);
    assert_eq!(
        gone.header("set-cookie").unwrap(),
        format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
    );
    let before = server.client().get("/v1/tokens").basic("ada", &ada.password).send().expect(200).json();
    assert_eq!(thief.send("POST", "/v1/tokens", &named("theirs")).problem(401), "session_ended");
    let after = server.client().get("/v1/tokens").basic("ada", &ada.password).send().expect(200).json();
    assert_eq!(before, after);
    assert!(!is_signed_in(&mut page));
}

/// How many tokens there are and what they are called.
fn tokens(server: &Server) -> Value {
    let reply = server.client().get("/v1/tokens").bearer(server.secret()).send().expect(200);
    reply.json()["items"].as_array().unwrap().iter().map(|token| token["name"].clone()).collect()
}

#[test]
fn what_jetons_own_page_didnt_send_is_refused_and_changes_nothing() {
    let server = Server::setup().settings("public_url = \"https://tokens.example.org\"\n").start();
    let ada = server.administrator("ada");
    let mut page = Page::open(&server, &ada);
    let kept = page.send("POST", "/v1/tokens", &named("kept")).expect(201).json();
    let path = format!("/v1/tokens/{}", kept["id"].as_str().unwrap());
    let before = tokens(&server);
    let same = [("Jeton-Page", "1"), ("Sec-Fetch-Site", "same-origin")];
    let with = |more: &[(&'static str, &'static str)]| [&[("Jeton-Page", "1")], more].concat();
    let wrong: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("Origin", "http://localhost")],
        vec![("Sec-Fetch-Site", "same-origin")],
        with(&[]),
        with(&[("Origin", "null")]),
        with(&[("Origin", "https://evil.example")]),
        with(&[("Origin", "http://tokens.example.org")]),
        with(&[("Origin", "http://localhost:1")]),
        with(&[("Origin", "http://localhost"), ("Origin", "http://localhost")]),
        with(&[("Origin", "http://localhost"), ("Sec-Fetch-Site", "cross-site")]),
        with(&[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-origin")]),
        with(&[("Sec-Fetch-Site", "cross-site")]),
        with(&[("Sec-Fetch-Site", "same-site")]),
        with(&[("Sec-Fetch-Site", "none")]),
        [&same[..], &[("Jeton-Page", "1")]].concat(),
    ];
    let attempts: [(&str, &str, &str, &str); 7] = [
        ("POST", "/v1/tokens", "application/json", r#"{"name":"forged"}"#),
        ("DELETE", &path, "", ""),
        ("GET", "/v1/tokens", "", ""),
        ("PATCH", &path, "application/json", r#"{"name":"forged"}"#),
        ("POST", &format!("{path}/disable"), "", ""),
        ("DELETE", "/v1/session", "", ""),
        // What a form can send to make a POST another method.
        ("POST", &path, "application/x-www-form-urlencoded", "_method=delete"),
    ];
    for headers in &wrong {
        for (method, path, media, body) in &attempts {
            let mut request = page.bare(method, path);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let request = if media.is_empty() { request } else { request.text(media, *body) };
            assert_eq!(request.send().problem(403), "origin_unproven", "{method} {path} with {headers:?}");
        }
    }
    // All that shows it, and a body of a kind that forms send.
    for (media, body) in [
        ("text/plain", r#"{"name":"forged"}"#),
        ("application/x-www-form-urlencoded", "_method=delete"),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/jsonx", r#"{"name":"forged"}"#),
    ] {
        for target in ["/v1/tokens", path.as_str()] {
            let reply = page.request("POST", target).text(media, body).send();
            // It is, or has become, a method that the path doesn't take; or one that it does.
            assert!([403, 405].contains(&reply.status), "{media} at {target}: {}", reply.text());
        }
    }
    // Nor is anybody signed in by another page.
    let sign_in = json!({ "username": "ada", "password": ada.password });
    for headers in &wrong {
        let mut client = server.client();
        let mut request = client.post("/v1/session").json(&sign_in);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let reply = request.send();
        assert_eq!((reply.problem(403).as_str(), reply.header("set-cookie")), ("origin_unproven", None));
    }
    // A preflight is told of nothing that it may send.
    let preflight = page.bare("OPTIONS", "/v1/tokens").header("Origin", "https://evil.example").send();
    assert!(
        preflight.status >= 400
            && preflight.headers.iter().all(|(name, _)| !name.starts_with("access-control"))
    );
    assert_eq!(tokens(&server), before);
    assert!(is_signed_in(&mut page));
    // And what does show it: the browser's word, the public URL, the address that is asked.
    for headers in [
        &[("Sec-Fetch-Site", "same-origin")][..],
        &[("Origin", "https://tokens.example.org")],
        &[("Origin", "http://localhost"), ("Sec-Fetch-Site", "same-origin")],
    ] {
        let mut request = page.bare("GET", "/v1/tokens").header("Jeton-Page", "1");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().expect(200);
    }
}

#[test]
fn a_session_ends_unused_and_in_any_case() {
    let mut server = Server::setup().at("+0").start();
    let ada = server.user("ada");
    let cookies = [Page::open(&server, &ada).cookie, Page::open(&server, &ada).cookie];
    let mut go_to = |offset: &str| {
        server.stop();
        server.set_env("FAKETIME", offset);
        server.launch();
        (Page::with(&server, &cookies[0]), Page::with(&server, &cookies[1]))
    };
    let (mut idle, mut used) = go_to("+20m");
    assert!(is_signed_in(&mut used));
    // That the page looks for what is new isn't a use.
    let watching = |page: &mut Page| {
        let request = page.bare("GET", "/v1/session").header("Jeton-Page", "watching");
        request.header("Sec-Fetch-Site", "same-origin").send()
    };
    watching(&mut idle).expect(200);
    (idle, used) = go_to("+31m");
    assert_eq!(watching(&mut idle).problem(401), "session_ended");
    assert!(!is_signed_in(&mut idle));
    assert!(is_signed_in(&mut used));
    let mut last = Value::Null;
    for minutes in (50..=710).step_by(20) {
        (_, used) = go_to(&format!("+{minutes}m"));
        last = used.get("/v1/session").expect(200).json();
    }
    assert_eq!(last["idle_until"], last["expires_at"]);
    (_, used) = go_to("+721m");
    assert!(!is_signed_in(&mut used));
}

#[test]
fn another_password_disabling_and_deleting_end_every_session_for_good() {
    let server = Server::start();
    let mut admin = Page::open(&server, &server.administrator("root"));
    let mut ada = server.user("ada");
    let (mut one, mut two) = (Page::open(&server, &ada), Page::open(&server, &ada));
    let set = |password: &str| json!({ "password": password });
    one.send("PUT", "/v1/users/ada/password", &set("another crooked mile to walk")).expect(204);
    assert!(!is_signed_in(&mut one) && !is_signed_in(&mut two));
    ada.password = "another crooked mile to walk".into();
    let mut page = Page::open(&server, &ada);
    // At the command line too.
    server
        .command(&["user", "set-password", "ada", "--password-stdin"])
        .input(b"a third crooked mile to walk")
        .run()
        .done();
    assert!(!is_signed_in(&mut page));
    ada.password = "a third crooked mile to walk".into();
    let mut page = Page::open(&server, &ada);
    admin.send("POST", "/v1/users/ada/disable", &json!({})).expect(200);
    assert!(!is_signed_in(&mut page));
    admin.send("POST", "/v1/users/ada/enable", &json!({})).expect(200);
    assert!(!is_signed_in(&mut page), "it doesn't come back to life");
    let mut page = Page::open(&server, &ada);
    admin.request("DELETE", "/v1/users/ada").header("If-Match", "*").send().expect(204);
    assert!(!is_signed_in(&mut page));
    assert!(is_signed_in(&mut admin));
}

#[test]
fn what_cant_be_undone_wants_the_password_again_after_five_minutes() {
    let mut server = Server::setup().at("+0").start();
    let ada = server.administrator("ada");
    server.administrator("root");
    for name in ["bob", "carl", "off"] {
        server.user(name);
    }
    let mut page = Page::open(&server, &ada);
    page.send("POST", "/v1/users/off/disable", &json!({})).expect(200);
    page.send("POST", "/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).expect(201);
    page.send("POST", "/v1/organizations/acme/members", &json!({ "user": "carl" })).expect(201);
    let module = json!({ "number": "MOD-1234-5678", "name": "records" });
    let module = page.send("POST", "/v1/organizations/default/modules", &module).expect(201).json();
    let mut made = |name: &str| page.send("POST", "/v1/tokens", &named(name)).expect(201).json();
    let (one, two) = (made("one"), made("two"));
    let cookie = page.cookie.clone();
    server.stop();
    server.set_env("FAKETIME", "+6m");
    server.launch();
    let mut page = Page::with(&server, &cookie);
    let path = |token: &Value, rest: &str| format!("/v1/tokens/{}{rest}", token["id"].as_str().unwrap());
    let all = json!({ "filter": { "owner": "ada" }, "action": "delete" });
    let plan = page.send(
        "POST",
        "/v1/revocations",
        &json!({ "filter": { "owner": "ada" }, "action": "delete", "dry_run": true }),
    );
    let digest = plan.expect(200).json()["digest"].clone();
    let mut carry_out = all;
    carry_out["dry_run"] = json!(false);
    carry_out["digest"] = digest;
    let module = format!("/v1/organizations/default/modules/{}", module["id"].as_str().unwrap());
    let asked: Vec<(&str, String, Value)> = vec![
        // What outlives the session, or a rotation that ends the old one soon.
        ("POST", "/v1/tokens".into(), json!({ "name": "three", "privileges": ["jeton:admin"] })),
        ("POST", "/v1/tokens".into(), named("three")),
        ("POST", path(&two, "/rotate"), json!({ "linger": "0s" })),
        ("POST", path(&one, "/rotate"), json!({ "mode": "now" })),
        // What can't be undone.
        ("DELETE", path(&one, ""), Value::Null),
        ("POST", "/v1/revocations".into(), carry_out),
        ("DELETE", module, Value::Null),
        // What makes somebody mightier.
        ("PATCH", "/v1/users/bob".into(), json!({ "operator": true })),
        ("PATCH", "/v1/users/root".into(), json!({ "operator": false })),
        ("POST", "/v1/users/off/enable".into(), Value::Null),
        ("POST", "/v1/users".into(), json!({ "username": "eve", "password": "eve walks a crooked mile" })),
        ("PATCH", "/v1/organizations/default/members/bob".into(), json!({ "role": "administrator" })),
        ("PATCH", "/v1/organizations/default/members/carl".into(), json!({ "privileges": ["jeton:admin"] })),
        ("POST", "/v1/organizations/acme/members".into(), json!({ "user": "bob", "role": "administrator" })),
        ("PATCH", "/v1/organizations/default".into(), json!({ "owner": "root" })),
        ("PUT", "/v1/users/bob/password".into(), json!({ "password": "another crooked mile to walk" })),
        ("DELETE", "/v1/users/bob".into(), Value::Null),
    ];
    let send = |page: &mut Page, method: &str, path: &str, body: &Value| -> Reply {
        let request = page.request(method, path).header("If-Match", "*");
        if body.is_null() { request.send() } else { request.json(body).send() }
    };
    for (method, path, body) in &asked {
        assert_eq!(send(&mut page, method, path, body).problem(403), "sign_in_again", "{method} {path}");
    }
    // What can be undone goes on.
    page.request("POST", &path(&two, "/disable")).send().expect(200);
    page.request("POST", &path(&two, "/enable")).send().expect(200);
    page.send("POST", "/v1/users/carl/disable", &json!({})).expect(200);
    page.send("PATCH", "/v1/users/ada", &json!({ "title": "Countess" })).expect(200);
    // And all of it does once the password was given again.
    let body = json!({ "username": "ada", "password": ada.password });
    let again = page.send("POST", "/v1/session", &body).expect(201);
    let mut page = Page::with(&server, &cookie_of(&again));
    for (method, path, body) in &asked {
        let reply = send(&mut page, method, path, body);
        // One more token exists by now, so what was planned isn't what would happen.
        assert!(
            reply.status < 300 || reply.problem(409) == "plan_shifted",
            "{method} {path}: {}",
            reply.text()
        );
    }
}

#[test]
fn nothing_but_our_own_api_takes_the_cookie() {
    let server = Server::start();
    let ada = server.administrator("ada");
    let mut page = Page::open(&server, &ada);
    for path in [
        "/metrics",
        "/v4/apiAccessTokens",
        "/public/v1/accounts/api-tokens",
        "/api/access-tokens",
        "/api/v1/me/tokens",
        "/gate",
    ] {
        let reply = page.get(path);
        assert_eq!(reply.status, 401, "{path}: {}", reply.text());
    }
    let introspected = page.request("POST", "/oauth/introspect").form("token=x").send();
    assert_eq!(introspected.status, 401, "{}", introspected.text());
}

#[test]
fn a_session_that_somebody_edited_is_none() {
    let server = Server::start();
    let (ada, eve) = (server.administrator("ada"), server.member("eve"));
    for edit in [
        "user = (SELECT id FROM users WHERE username = 'ada')",
        "created_at = created_at + 1",
        "seen_at = seen_at + 1",
        "digest = randomblob(32)",
    ] {
        let mut page = Page::open(&server, &eve);
        assert!(is_signed_in(&mut page));
        let connection = database::open(&server.data());
        let id = page.get("/v1/session").json()["id"].as_str().unwrap().replace('-', "");
        let sql = format!("UPDATE sessions SET {edit} WHERE hex(id) = upper(?1)");
        assert_eq!(connection.execute(&sql, [id]).unwrap(), 1, "{edit}");
        assert!(!is_signed_in(&mut page), "{edit}");
        assert_eq!(page.get("/v1/users").problem(401), "session_ended", "{edit}");
    }
    assert!(is_signed_in(&mut Page::open(&server, &ada)));
    server.wait_for_log("edited by something else");
}

#[test]
fn a_copy_of_the_files_holds_no_session() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    let ada = server.user("ada");
    let mut runs = Runs::default();
    let mut client: Client = server.client();
    for _ in 0..5 {
        let cookie = cookie_of(&sign_in(&mut client, "ada", &ada.password).expect(201));
        runs.add_disguised("a session", cookie.as_bytes());
        assert!(is_signed_in(&mut Page::with(&server, &cookie)));
    }
    runs.add_disguised("a password", ada.password.as_bytes());
    holds_none(&server, &runs, "while it runs");
    server.stop();
    holds_none(&server, &runs, "after it");
}
