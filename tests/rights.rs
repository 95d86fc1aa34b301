//! Who may what: every route of management by every kind of caller, against a table written apart from the code.

use serde_json::{Value, json};

use crate::harness::{
    Server,
    estate::bearer,
    server::{Actor, named},
};

const NONE: Value = Value::Null;

/// What a caller is to the organization `acme`, by what they present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nobody,
    Operator,
    /// An operator's token without `jeton:admin`, of another organization.
    OperatorsScript,
    Restricted,
    Administrator,
    /// An administrator's token without `jeton:admin`.
    AdministratorsScript,
    Member,
    /// A token of a member.
    MembersToken,
    /// An administrator of another organization.
    Stranger,
    /// Of another organization, without `jeton:admin`.
    StrangersScript,
    /// A member of another organization.
    StrangersMember,
}

use Kind::{
    Administrator, AdministratorsScript, Member, MembersToken, Nobody, Operator, OperatorsScript, Restricted,
    Stranger, StrangersMember, StrangersScript,
};

/// What a route asks for.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// Whoever is in the organization, or manages it.
    Reads,
    /// Its administrators.
    Manages,
    /// Operators of the instance.
    Operates,
}

/// What the caller is told; `None` where the route does its work.
fn expected(rule: Rule, kind: Kind) -> Option<(u16, &'static str)> {
    match (rule, kind) {
        (_, Nobody) => Some((401, "credential_missing")),
        (_, Restricted) => Some((403, "token_restricted")),
        (_, Operator)
        | (Rule::Reads, Administrator | AdministratorsScript | Member | MembersToken)
        | (Rule::Manages, Administrator) => None,
        (Rule::Reads, _) | (Rule::Manages, Stranger) => Some((404, "not_found")),
        (Rule::Manages, OperatorsScript | AdministratorsScript | MembersToken | StrangersScript)
        | (Rule::Operates, OperatorsScript) => Some((403, "privilege_missing")),
        (Rule::Manages, Member | StrangersMember) => Some((403, "administrator_required")),
        (Rule::Operates, _) => Some((403, "operator_required")),
    }
}

/// Every route below an organization, what it asks for, and what it answers whoever may: nothing is changed by any.
fn routes() -> Vec<(&'static str, &'static str, Value, Rule, u16)> {
    use Rule::{Manages, Operates, Reads};
    vec![
        ("GET", "", NONE, Reads, 200),
        ("GET", "/policy", NONE, Reads, 200),
        ("GET", "/privileges", NONE, Reads, 200),
        ("GET", "/modules", NONE, Reads, 200),
        ("PATCH", "", json!({}), Manages, 200),
        ("PATCH", "/policy", json!({}), Manages, 200),
        ("POST", "/modules", json!({ "number": "MOD-0001", "name": "n" }), Manages, 409),
        ("PATCH", "/modules/MOD-0001", json!({ "name": "n" }), Manages, 200),
        ("DELETE", "/modules/MOD-0002", NONE, Manages, 404),
        ("POST", "/members", json!({ "user": "bo" }), Manages, 409),
        ("GET", "/members/bo", NONE, Manages, 200),
        ("PATCH", "/members/bo", json!({}), Manages, 200),
        ("DELETE", "/members/nobody", NONE, Manages, 404),
        ("POST", "/enable", NONE, Operates, 200),
        ("PUT", "/privileges", json!({ "privileges": ["*:*"] }), Operates, 200),
        ("POST", "/privileges", json!({ "privilege": "*:*" }), Operates, 200),
        ("DELETE", "/privileges/a:b", NONE, Operates, 404),
    ]
}

struct Cast {
    server: Server,
    callers: Vec<(Kind, String)>,
}

impl Cast {
    fn new() -> Self {
        let server = Server::start();
        for slug in ["acme", "other"] {
            server.organization(slug, &json!({}));
        }
        let module = json!({ "number": "MOD-0001", "name": "n" });
        server.locally("POST", "/v1/organizations/acme/modules", &module).expect(201);
        let ada = server.administrator("ada");
        let (mia, zoe) = (server.manager_of("acme", "mia"), server.manager_of("other", "zoe"));
        let bo = server.user_of("acme", "bo", &json!({}));
        let zed = server.user_of("other", "zed", &json!({}));
        let token = |actor: &Actor, body: Value| {
            let made = server.mint(actor, &body);
            bearer(made["token"].as_str().unwrap())
        };
        let admin = || json!({ "name": "t", "privileges": ["jeton:admin"] });
        let callers = vec![
            (Nobody, String::new()),
            (Operator, bearer(server.secret())),
            (Operator, ada.basic()),
            (Operator, token(&ada, admin())),
            (OperatorsScript, token(&ada, named("t"))),
            (
                Restricted,
                token(&ada, json!({ "name": "t", "privileges": ["jeton:admin"], "restricted": true })),
            ),
            (Administrator, mia.basic()),
            (Administrator, token(&mia, admin())),
            (AdministratorsScript, token(&mia, named("t"))),
            (Member, bo.basic()),
            (MembersToken, bearer(&server.token(&bo))),
            (Stranger, zoe.basic()),
            (Stranger, token(&zoe, admin())),
            (StrangersScript, token(&zoe, named("t"))),
            (StrangersMember, zed.basic()),
        ];
        Self { server, callers }
    }
}

#[test]
fn every_route_by_every_caller_is_as_the_table_has_it() {
    let Cast { server, callers } = Cast::new();
    let before = server.last_event();
    for (method, suffix, body, rule, answer) in routes() {
        let path = format!("/v1/organizations/acme{suffix}");
        for (kind, authorization) in &callers {
            let reply = server.ask(authorization, method, &path, &body);
            match expected(rule, *kind) {
                None => assert_eq!(reply.status, answer, "{method} {path} by {kind:?}: {}", reply.text()),
                Some((status, code)) => {
                    assert_eq!(reply.status, status, "{method} {path} by {kind:?}: {}", reply.text());
                    assert_eq!(reply.problem(status), code, "{method} {path} by {kind:?}");
                }
            }
        }
    }
    // Those without an organization in their path.
    for (kind, authorization) in &callers {
        let reply = server.ask(authorization, "POST", "/v1/organizations", &json!({ "slug": "acme" }));
        let told = expected(Rule::Operates, *kind).unwrap_or((409, "taken"));
        assert_eq!((reply.status, reply.problem(reply.status).as_str()), told, "{kind:?}");
    }
    assert_eq!(server.last_event(), before, "none of it changed anything");
}

#[test]
fn a_foreign_organization_is_byte_for_byte_an_unknown_one() {
    let Cast { server, callers } = Cast::new();
    let id = server.locally("GET", "/v1/organizations/acme", &NONE).json()["id"].as_str().unwrap().to_owned();
    let strangers = callers.iter().filter(|(kind, _)| {
        matches!(kind, Stranger | StrangersScript | StrangersMember | OperatorsScript | Nobody | Restricted)
    });
    for (kind, authorization) in strangers {
        for (method, suffix, body, _, _) in routes() {
            let ask = |name: &str| {
                let path = format!("/v1/organizations/{name}{suffix}");
                let mut reply = server.ask(authorization, method, &path, &body);
                reply.settle();
                reply
            };
            let unknown = ask("nothing");
            assert!(unknown.status >= 400, "{method} {suffix} by {kind:?}");
            for name in ["acme", &id] {
                assert_eq!(ask(name), unknown, "{method} {suffix} by {kind:?}");
            }
        }
    }
}

#[test]
fn the_table_is_read_by_each_carrier_alike() {
    let Cast { server, callers } = Cast::new();
    let mut client = server.client();
    for (kind, authorization) in &callers {
        let Some(token) = authorization.strip_prefix("Bearer jtn_") else { continue };
        let token = format!("jtn_{token}");
        for (method, suffix, body, rule, answer) in routes() {
            for carrier in ["x-api-key", "x-access-token", "user-token", "basic"] {
                let path = format!("/v1/organizations/acme{suffix}");
                let request = client.request(method, &path);
                let request = match carrier {
                    "basic" => request.basic("anything", &token),
                    header => request.header(header, &token),
                };
                let reply = if body.is_null() { request.send() } else { request.json(&body).send() };
                let told = expected(rule, *kind).map_or(answer, |(status, _)| status);
                assert_eq!(reply.status, told, "{method} {path} by {kind:?} in {carrier}");
            }
        }
    }
}
