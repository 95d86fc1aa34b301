//! The other vendors' APIs: what each asks, what each demands, and the status that each has for a refusal. Written apart
//! from the code, as the rest of the model is.

use serde_json::json;

use super::asker::Org::{Acme, Bravo};
use super::model::{Expected, Rule, no, ok};
use super::probes::{Body, NOWHERE, Table};
use super::world::number;

/// A vendor's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Akinon AppMaker.
    Akinon,
    /// Dataprep by Trifacta.
    Dataprep,
    /// Datasentinel.
    Datasentinel,
    /// Kodexa.
    Kodexa,
    /// SoftwareONE Marketplace.
    SoftwareOne,
}

use Dialect::{Akinon, Dataprep, Datasentinel, Kodexa, SoftwareOne};

/// Whose operation it is; `None` for our own.
pub fn dialect(operation: &str) -> Option<Dialect> {
    let path = operation.split_once(' ').map_or(operation, |(_, path)| path);
    let bases = [
        ("/api/v1/", Akinon),
        ("/v4/", Dataprep),
        ("/ds-api/", Datasentinel),
        ("/api/", Kodexa),
        ("/public/v1/accounts/", SoftwareOne),
        ("/v1/accounts/", SoftwareOne),
    ];
    bases.into_iter().find(|(base, _)| path.starts_with(base)).map(|(_, dialect)| dialect)
}

#[expect(clippy::match_same_arms, reason = "a line for what each vendor has of its own")]
/// The same refusal as a vendor's API has it: the status alone, since its bodies have no word of ours.
pub fn said(dialect: Dialect, rule: &Rule, ours: Expected) -> Expected {
    let Some(code) = ours.code else { return ours };
    let status = match (dialect, code) {
        // Off, it isn't there at all.
        (Dataprep, "api_access_off") => 404,
        (
            Akinon,
            "not_found" | "token_deleted_row" | "quota_full" | "privilege_not_held" | "wider_than_minter",
        ) => 400,
        (SoftwareOne, "token_deleted_row" | "status_unfit") => 400,
        // An account that isn't there is a wrong field of the request.
        (SoftwareOne, "not_found") if matches!(rule, Rule::IssueOwn) => 400,
        (Kodexa, "token_deleted_row") => 404,
        (Datasentinel, "token_deleted_row") => 401,
        (_, "token_deleted_row") => 410,
        (_, "status_unfit") => 409,
        _ => ours.status,
    };
    Expected { status, code: None }
}

/// The row is deleted, and not the credential.
const DELETED: Expected = no(410, "token_deleted_row");
const UNFIT: Expected = no(409, "status_unfit");

/// Every probe of them.
pub fn add(table: &mut Table<'_>) {
    for operation in [
        "GET /openapi/akinon.json",
        "GET /openapi/dataprep.json",
        "GET /openapi/datasentinel.json",
        "GET /openapi/kodexa.json",
        "GET /openapi/softwareone.json",
        "GET /ds-api/",
    ] {
        table.add(operation, &[], Body::None, Rule::Open, ok(200));
    }
    datasentinel(table);
    dataprep(table);
    akinon(table);
    softwareone(table);
    kodexa(table);
}

fn datasentinel(table: &mut Table<'_>) {
    table.add("POST /ds-api/user-token", &[], Body::None, Rule::IssueByBasic, ok(201));
    for org in [Acme, Bravo] {
        let slug = &[org.slug()];
        table.add(
            "POST /ds-api/user-token/{organization}",
            slug,
            Body::None,
            Rule::IssueInByBasic(org),
            ok(201),
        );
    }
    let query = format!("?token={}", table.world.ids["secret"]);
    table.add("GET /ds-api/user-token", &[&query], Body::None, Rule::Holder, ok(200));
}

fn dataprep(table: &mut Table<'_>) {
    let ids = table.world.ids.clone();
    let body = Body::Json(json!({ "lifetimeSeconds": 3600 }));
    table.add("POST /v4/apiAccessTokens", &[], body, Rule::OpenIssue, ok(201));
    for operation in ["GET /v4/apiAccessTokens", "GET /v4/open-api-spec"] {
        table.add(operation, &[], Body::None, Rule::OpenUser, ok(200));
    }
    for (name, org) in [("active", Acme), ("foreign", Bravo)] {
        let id = &[ids[name].as_str()];
        table.add("GET /v4/apiAccessTokens/{tokenId}", id, Body::None, Rule::OpenToken(org), ok(200));
    }
    let id = &[ids["deleted"].as_str()];
    table.add("DELETE /v4/apiAccessTokens/{tokenId}", id, Body::None, Rule::OpenToken(Acme), DELETED);
    let id = &[ids["foreign"].as_str()];
    table.add("DELETE /v4/apiAccessTokens/{tokenId}", id, Body::None, Rule::OpenToken(Bravo), None);
}

fn akinon(table: &mut Table<'_>) {
    let body = Body::Json(json!({ "name": "matrix", "lifetime": "one-week" }));
    table.add("POST /api/v1/me/tokens", &[], body, Rule::IssueOwn, ok(201));
    table.add("GET /api/v1/me/tokens", &[], Body::None, Rule::User, ok(200));
    // Nobody's but one's own, whatever else one may delete.
    for name in ["active", "foreign", "deleted"] {
        let short = table.world.ids[name].replace('-', "")[..24].to_owned();
        let unknown = no(404, "not_found");
        table.add("DELETE /api/v1/me/tokens/{tokenId}", &[&short], Body::None, Rule::User, unknown);
    }
}

fn softwareone(table: &mut Table<'_>) {
    let ids = table.world.ids.clone();
    let number = |name: &str| ids[&number(name)].clone();
    for base in ["/public/v1/accounts", "/v1/accounts"] {
        let operation = |method: &str, rest: &str| -> &'static str {
            Box::leak(format!("{method} {base}{rest}").into_boxed_str())
        };
        let body = || Body::Json(json!({ "name": "matrix" }));
        table.add(operation("POST", "/api-tokens"), &[], body(), Rule::IssueOwn, ok(201));
        table.add(operation("GET", "/api-tokens"), &[], Body::None, Rule::User, ok(200));
        for (name, org) in [("active", Acme), ("foreign", Bravo)] {
            let id = number(name);
            table.add(
                operation("GET", "/api-tokens/{id}"),
                &[&id],
                Body::None,
                Rule::UserToken(org),
                ok(200),
            );
            let labels = Body::Json(json!({}));
            table.add(operation("PUT", "/api-tokens/{id}"), &[&id], labels, Rule::UserToken(org), ok(200));
            table.add(
                operation("POST", "/api-tokens/{id}/enable"),
                &[&id],
                Body::None,
                Rule::UserToken(org),
                UNFIT,
            );
            let account = number(org.slug());
            let place = &[account.as_str(), id.as_str()];
            let href = operation("GET", "/accounts/{account}/tokens/{id}");
            table.add(href, place, Body::None, Rule::UserToken(org), ok(200));
        }
        let id = number("disabled");
        table.add(
            operation("POST", "/api-tokens/{id}/disable"),
            &[&id],
            Body::None,
            Rule::UserToken(Acme),
            UNFIT,
        );
        let id = number("deleted");
        table.add(
            operation("DELETE", "/api-tokens/{id}"),
            &[&id],
            Body::None,
            Rule::UserToken(Acme),
            DELETED,
        );
        let id = number("foreign");
        table.add(operation("DELETE", "/api-tokens/{id}"), &[&id], Body::None, Rule::UserToken(Bravo), None);
    }
}

fn kodexa(table: &mut Table<'_>) {
    let ids = table.world.ids.clone();
    let body = Body::Json(json!({ "name": "matrix" }));
    table.add("POST /api/access-tokens", &[], body, Rule::IssueOwn, ok(201));
    for operation in ["GET /api/access-tokens", "GET /api/account/me", "GET /api/overview"] {
        table.add(operation, &[], Body::None, Rule::User, ok(200));
    }
    for (name, org) in [("active", Acme), ("foreign", Bravo)] {
        let id = &[ids[name].as_str()];
        table.add("GET /api/access-tokens/{id}", id, Body::None, Rule::UserToken(org), ok(200));
        table.add("PUT /api/access-tokens/{id}", id, Body::Json(json!({})), Rule::UserToken(org), ok(200));
    }
    let id = &[ids["deleted"].as_str()];
    table.add("DELETE /api/access-tokens/{id}", id, Body::None, Rule::UserToken(Acme), DELETED);
    let id = &[ids["foreign"].as_str()];
    table.add("DELETE /api/access-tokens/{id}", id, Body::None, Rule::UserToken(Bravo), None);
    table.add("DELETE /api/access-tokens/{id}", &[NOWHERE], Body::None, Rule::User, no(404, "not_found"));
}
