//! Another organization's things: to whoever doesn't reach it each is exactly what an unknown one is, and untouched.

use serde_json::{Value, json};

use super::world::{MODULE, World, text};
use crate::harness::{Reply, server::Actor};

/// A request about something of another organization's, and the same about nothing.
struct Pair {
    method: &'static str,
    theirs: String,
    unknown: String,
    body: Value,
    /// The same but for what is named, where the body names it.
    unknown_body: Value,
    status: u16,
}

fn pair(method: &'static str, theirs: impl Into<String>, unknown: impl Into<String>, body: Value) -> Pair {
    Pair {
        method,
        theirs: theirs.into(),
        unknown: unknown.into(),
        unknown_body: body.clone(),
        body,
        status: 404,
    }
}

/// A request whose body names theirs or nothing.
fn naming(path: &str, member: &str, theirs: &str, unknown: &str, body: &Value, status: u16) -> Pair {
    let with = |value: &str| {
        let mut body = body.clone();
        body[member] = if body[member].is_array() { json!([value]) } else { json!(value) };
        body
    };
    let method = if path.ends_with("acme") { "PATCH" } else { "POST" };
    Pair { unknown_body: with(unknown), status, ..pair(method, path, path, with(theirs)) }
}

/// An id that is nobody's, in the form of one that is somebody's: its last four digits turned round.
fn unlike(id: &str) -> String {
    let (rest, last) = id.split_at(id.len() - 4);
    let turned: String = last
        .chars()
        .map(|digit| {
            if id.contains(['T', 'U', 'A', 'M']) { if digit == '9' { '1' } else { '9' } } else { flip(digit) }
        })
        .collect();
    format!("{rest}{turned}")
}

fn flip(digit: char) -> char {
    char::from_digit(15 - digit.to_digit(16).expect("a hexadecimal id"), 16).expect("a digit")
}

/// A revocation of what is theirs, or of nothing.
fn revoking(filter: &str, theirs: &str, unknown: &str) -> Pair {
    let body = |name: &str| json!({ "filter": { filter: name }, "action": "delete", "dry_run": true });
    let path = "/v1/revocations";
    Pair { unknown_body: body(unknown), ..pair("POST", path, path, body(theirs)) }
}

fn token_pairs(token: &Value) -> Vec<Pair> {
    let id = text(token, "id");
    let short = id.replace('-', "")[..24].to_owned();
    let mut pairs = Vec::new();
    for id in [id, short, text(token, "number")] {
        let (theirs, unknown) = (format!("/v1/tokens/{id}"), format!("/v1/tokens/{}", unlike(&id)));
        pairs.push(pair("GET", &theirs, &unknown, Value::Null));
        pairs.push(pair("PATCH", &theirs, &unknown, json!({ "name": "taken over" })));
        pairs.push(pair("DELETE", &theirs, &unknown, Value::Null));
        for verb in ["disable", "enable"] {
            pairs.push(pair("POST", format!("{theirs}/{verb}"), format!("{unknown}/{verb}"), Value::Null));
        }
        let below = |id: &str| format!("/v1/tokens/{id}/descendants");
        pairs.push(pair("GET", below(&id), below(&unlike(&id)), Value::Null));
        pairs.push(revoking("minted_by", &id, &unlike(&id)));
        let query = |id: &str| format!("/v1/events?token={id}");
        pairs.push(Pair { status: 0, ..pair("GET", query(&id), query(&unlike(&id)), Value::Null) });
    }
    pairs
}

fn user_pairs(user: &Value) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (theirs, unknown) in
        [("stranger".to_owned(), "nobody".to_owned()), (text(user, "id"), unlike(&text(user, "id")))]
    {
        let query = |path: &str, name: &str| format!("{path}{name}");
        for path in ["/v1/tokens?owner=", "/v1/events?actor=", "/v1/events?object="] {
            let wanted = if path.contains("tokens") { 404 } else { 0 };
            let one = pair("GET", query(path, &theirs), query(path, &unknown), Value::Null);
            pairs.push(Pair { status: wanted, ..one });
        }
        pairs.push(revoking("owner", &theirs, &unknown));
        let (theirs, unknown) = (format!("/v1/users/{theirs}"), format!("/v1/users/{unknown}"));
        pairs.push(pair("GET", &theirs, &unknown, Value::Null));
        pairs.push(pair("PATCH", &theirs, &unknown, json!({ "title": "taken over" })));
        let password = json!({ "password": "taken over by a stranger" });
        pairs.push(pair("PUT", format!("{theirs}/password"), format!("{unknown}/password"), password));
        pairs.push(pair("DELETE", &theirs, &unknown, Value::Null));
        for verb in ["disable", "enable"] {
            pairs.push(pair("POST", format!("{theirs}/{verb}"), format!("{unknown}/{verb}"), Value::Null));
        }
        let members = |rest: &str| rest.replace("/v1/users", "/v1/organizations/acme/members");
        pairs.push(pair("GET", members(&theirs), members(&unknown), Value::Null));
        pairs.push(pair("PATCH", members(&theirs), members(&unknown), json!({ "role": "administrator" })));
        pairs.push(pair("DELETE", members(&theirs), members(&unknown), Value::Null));
    }
    pairs
}

fn organization_pairs(organization: &Value, module: &str) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (theirs, unknown) in [
        ("bravo".to_owned(), "nowhere".to_owned()),
        (text(organization, "id"), unlike(&text(organization, "id"))),
        (text(organization, "number"), unlike(&text(organization, "number"))),
    ] {
        let mut both = |method, rest: &str, body: Value| {
            let path = |name: &str| format!("/v1/organizations/{name}{rest}");
            pairs.push(pair(method, path(&theirs), path(&unknown), body));
        };
        for rest in ["", "/policy", "/privileges", "/modules", "/members", "/members/stranger"] {
            both("GET", rest, Value::Null);
        }
        both("PATCH", "", json!({ "name": "taken over" }));
        both("PATCH", "/policy", json!({ "quota": 0 }));
        both("POST", "/modules", json!({ "number": "MOD-9999-9999", "name": "taken over" }));
        both("PATCH", &format!("/modules/{module}"), json!({ "name": "taken over" }));
        both("DELETE", &format!("/modules/{module}"), Value::Null);
        both("POST", "/members", json!({ "user": "victim" }));
        both("PATCH", "/members/stranger", json!({ "role": "administrator" }));
        both("DELETE", "/members/stranger", Value::Null);
        for path in ["/v1/tokens", "/v1/users", "/v1/events"] {
            let query = |name: &str| format!("{path}?organization={name}");
            pairs.push(pair("GET", query(&theirs), query(&unknown), Value::Null));
        }
        pairs.push(revoking("organization", &theirs, &unknown));
        let body = json!({ "name": "t" });
        pairs.push(naming("/v1/tokens", "organization", &theirs, &unknown, &body, 404));
        let body = json!({ "username": "newcomer", "password": "a walk of a crooked mile" });
        pairs.push(naming("/v1/users", "organization", &theirs, &unknown, &body, 404));
    }
    // A module of another organization's is none of one's own.
    for (method, body) in [("PATCH", json!({ "name": "taken over" })), ("DELETE", Value::Null)] {
        let path = |id: &str| format!("/v1/organizations/acme/modules/{id}");
        pairs.push(pair(method, path(module), path(&unlike(module)), body));
    }
    let body = json!({ "name": "t", "modules": [] });
    pairs.push(naming("/v1/tokens", "modules", module, &unlike(module), &body, 0));
    pairs.push(naming("/v1/organizations/acme/members", "user", "stranger", "nobody", &json!({}), 404));
    pairs.push(naming("/v1/organizations/acme", "owner", "stranger", "nobody", &json!({}), 400));
    pairs
}

/// The same by the other vendors' APIs.
fn dialect_pairs(token: &Value, user: &Value, organization: &Value) -> Vec<Pair> {
    let (id, number, account) = (text(token, "id"), text(token, "number"), text(organization, "number"));
    let short = id.replace('-', "")[..24].to_owned();
    let mut pairs = Vec::new();
    let mut both = |method, path: &dyn Fn(&str) -> String, id: &str, body: Value, status| {
        pairs.push(Pair { status, ..pair(method, path(id), path(&unlike(id)), body) });
    };
    let labels = || json!({ "name": "taken over" });
    both("DELETE", &|id| format!("/api/v1/me/tokens/{id}"), &short, Value::Null, 400);
    for method in ["GET", "DELETE"] {
        both(method, &|id| format!("/v4/apiAccessTokens/{id}"), &id, Value::Null, 404);
    }
    for (method, body) in [("GET", Value::Null), ("PUT", labels()), ("DELETE", Value::Null)] {
        both(method, &|id| format!("/api/access-tokens/{id}"), &id, body.clone(), 404);
        for base in ["/public/v1/accounts", "/v1/accounts"] {
            both(method, &|id| format!("{base}/api-tokens/{id}"), &number, body.clone(), 404);
        }
    }
    for base in ["/public/v1/accounts", "/v1/accounts"] {
        for verb in ["disable", "enable"] {
            both("POST", &|id| format!("{base}/api-tokens/{id}/{verb}"), &number, Value::Null, 404);
        }
        let place = |account: &str, id: &str| format!("{base}/accounts/{account}/tokens/{id}");
        both("GET", &|id| place(&account, id), &number, Value::Null, 404);
        both("GET", &|account| place(account, &number), &account, Value::Null, 404);
    }
    // By a token it takes another carrier, whatever is named.
    pairs.push(Pair {
        status: 0,
        ..pair("POST", "/ds-api/user-token/bravo", "/ds-api/user-token/nowhere", Value::Null)
    });
    let owner = text(user, "id");
    let body = json!({ "name": "t" });
    pairs.push(naming("/api/access-tokens", "userId", &owner, &unlike(&owner), &body, 403));
    let named = |account: &str| json!({ "name": "t", "account": { "id": account } });
    let path = "/public/v1/accounts/api-tokens";
    let unknown_body = named(&unlike(&account));
    pairs.push(Pair { status: 400, unknown_body, ..pair("POST", path, path, named(&account)) });
    pairs
}

/// What a reply says, but for what every reply has of its own.
fn said(reply: Reply) -> Reply {
    let mut reply = reply;
    if reply.header("content-type") == Some("application/problem+json") {
        let mut problem = reply.json();
        problem.as_object_mut().expect("a problem").remove("traceId");
        reply.body = problem.to_string().into_bytes();
    }
    reply.settle();
    reply
}

/// All there is of the other organization, but for when its tokens were used.
fn theirs(world: &World) -> Vec<Value> {
    let mut client = world.server.client();
    let token = format!("/v1/tokens/{}", world.ids["foreign"]);
    let paths = ["/v1/users/stranger", "/v1/organizations/bravo", "/v1/organizations/bravo/modules", &token];
    let members = ["/v1/organizations/bravo/members", "/v1/organizations/acme/members"];
    let read = |path: &str| client.get(path).bearer(world.server.secret()).send().expect(200).json();
    paths.into_iter().chain(members).map(read).collect()
}

#[test]
fn what_is_another_organizations_is_like_what_is_not_there() {
    let mut world = World::empty();
    let admin = Actor::named("alma");
    let body = json!({ "username": admin.name, "password": admin.password, "organization": "acme",
        "role": "administrator" });
    world.post("/v1/users", &body).expect(201);
    let body = json!({ "name": "t", "owner": "alma", "organization": "acme", "privileges": ["jeton:admin"] });
    let admin_token = text(&world.post("/v1/tokens", &body).expect(201).json(), "token");

    let mut client = world.server.client();
    let secret = world.server.secret().to_owned();
    let mut read = |path: &str| client.get(path).bearer(&secret).send().expect(200).json();
    let token = read(&format!("/v1/tokens/{}", world.ids["foreign"]));
    let (user, organization) = (read("/v1/users/stranger"), read("/v1/organizations/bravo"));
    let modules = read("/v1/organizations/bravo/modules");
    assert_eq!(modules["items"][0]["number"], MODULE);
    let module = &world.ids["foreign_module"];
    let pairs = [
        token_pairs(&token),
        user_pairs(&user),
        organization_pairs(&organization, module),
        dialect_pairs(&token, &user, &organization),
    ];
    let pairs: Vec<_> = pairs.into_iter().flatten().collect();
    let before = theirs(&world);

    let mut wrong = Vec::new();
    let mut ask = |by_password: bool, pair: &Pair, target: &str, body: &Value| {
        let request = client.request(pair.method, target);
        let request = if by_password {
            request.basic(&admin.name, &admin.password)
        } else {
            request.bearer(&admin_token)
        };
        let request = request.header("If-Match", "*");
        said(if body.is_null() { request.send() } else { request.json(body).send() })
    };
    for by_password in [false, true] {
        for pair in &pairs {
            let theirs = ask(by_password, pair, &pair.theirs, &pair.body);
            let unknown = ask(by_password, pair, &pair.unknown, &pair.unknown_body);
            let status = pair.status == 0 || theirs.status == pair.status;
            if theirs != unknown || !status {
                wrong.push(format!(
                    "{} {} is {} {} and {} is {} {}",
                    pair.method,
                    pair.theirs,
                    theirs.status,
                    theirs.text(),
                    pair.unknown,
                    unknown.status,
                    unknown.text(),
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(theirs(&world), before, "nothing of it has changed");
    // The control: one's own are told from unknown ones.
    let own = Pair { theirs: "/v1/users/victim".into(), ..pair("GET", "", "/v1/users/nobody", Value::Null) };
    assert_ne!(ask(false, &own, &own.theirs, &Value::Null), ask(false, &own, &own.unknown, &Value::Null));
}
