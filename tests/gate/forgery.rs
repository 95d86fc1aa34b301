//! What a client makes up, behind every proxy: identity, address, and what it asks for.

use std::collections::BTreeMap;

use super::{BODY, HOST, Header, Kind, Site};

/// What other spellings a name may have that an application reads as the same.
fn spellings(name: &str) -> Vec<String> {
    let other = ["_", ".", "!", "#", "$", "%", "&", "'", "*", "+", "^", "`", "|", "~"];
    let mut spellings: Vec<String> = other.iter().map(|mark| name.replace('-', mark)).collect();
    spellings.push(name.replacen('-', "_", 1));
    spellings.extend([name.to_lowercase(), name.to_uppercase(), name.into()]);
    spellings
}

/// The headers about identity that an application could read: their names as it might, and all their values.
fn identity(headers: &[(String, String)]) -> BTreeMap<String, Vec<String>> {
    let mut identity = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        let plain: String =
            name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
        let plain = plain.to_ascii_lowercase();
        if plain.starts_with("x-auth-") && !value.is_empty() {
            identity.entry(plain).or_default().push(value.clone());
        }
    }
    identity
}

pub fn the_application_is_told_who_it_is_and_nothing_else(kind: Kind) {
    let site = Site::with(kind, &["--gate-header", "X-Jeton-Token"]);
    let token = site.token(&[]);
    let ask = |more: &[Header<'_>]| {
        let mut client = site.client();
        let request = client.get("/v1/reports/1").header("Host", HOST).header("X-Jeton-Token", &token);
        let request = request.header("Authorization", "Basic b3duOm93bg==");
        let reply = more.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        assert_eq!(reply.expect(200).text(), BODY);
        let arrival = site.application.only();
        assert_eq!(arrival.all("authorization"), ["Basic b3duOm93bg=="], "its own, untouched");
        assert!(arrival.all("x-jeton-token").is_empty(), "the token goes no further");
        identity(&arrival.headers)
    };
    let truth = ask(&[]);
    let said = |name: &str| truth[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(said("x-auth-user"), ["anna"]);
    assert_eq!(said("x-auth-organization"), ["default"]);
    assert_eq!(said("x-auth-token-id"), [crate::harness::token::Wire::read(&token).uuid()]);
    assert_eq!(said("x-auth-privileges"), ["orders:read"]);
    assert!(truth["x-auth-expires"][0].ends_with('Z'), "{truth:?}");
    assert_eq!(truth.len(), 5, "{truth:?}");

    let user = ["User", "Organization", "Token-Id", "Privileges", "Expires", "Expires-In", "Reason"];
    let names = user.map(|name| format!("X-Auth-{name}"));
    for name in &names {
        let spellings = spellings(name);
        let all: Vec<Header<'_>> = spellings.iter().map(|name| (name.as_str(), "forged")).collect();
        assert_eq!(ask(&all), truth, "all spellings of {name} at once");
    }
    for spelling in spellings("X-Auth-User") {
        assert_eq!(ask(&[(&spelling, "forged")]), truth, "{spelling}");
        assert_eq!(ask(&[(&spelling, "forged"), (&spelling, "again")]), truth, "{spelling}, twice");
    }
    // Hop by hop, a client says, and would have the next hop not see it.
    let hops = format!("close, {}", names.join(", "));
    assert_eq!(ask(&[("Connection", &hops)]), truth);
    assert_eq!(ask(&[("Connection", "x-auth-user"), ("Connection", "X-Auth-Privileges, keep-alive")]), truth);

    // Without the token in its own header, none elsewhere counts.
    assert_eq!(site.refused(&site.get("/", &token, &[]), 401), "credential_missing");
}

/// What a client may claim: a header, a value that would help a request that is to be refused, and one that would harm a
/// good one.
const CLAIMS: [(&str, &str, &str); 22] = [
    ("X-Forwarded-For", "127.0.0.1", "203.0.113.9"),
    ("X_Forwarded_For", "127.0.0.1", "203.0.113.9"),
    ("X-Real-IP", "127.0.0.1", "203.0.113.9"),
    ("X_Real_IP", "127.0.0.1", "203.0.113.9"),
    ("X-Client-IP", "127.0.0.1", "203.0.113.9"),
    ("True-Client-IP", "127.0.0.1", "203.0.113.9"),
    ("Forwarded", "for=127.0.0.1", "for=203.0.113.9"),
    ("X-Original-URI", "/v1/reports/1", "/v1/secret"),
    ("X_Original_URI", "/v1/reports/1", "/v1/secret"),
    ("X-Original-Url", "/v1/reports/1", "/v1/secret"),
    ("X-Original-Method", "GET", "DELETE"),
    ("X_Original_Method", "GET", "DELETE"),
    ("X-Original-Host", "reports.example", "other.example"),
    ("X-Forwarded-Uri", "/v1/reports/1", "/v1/secret"),
    ("X_Forwarded_Uri", "/v1/reports/1", "/v1/secret"),
    ("X-Forwarded-Method", "GET", "DELETE"),
    ("X_Forwarded_Method", "GET", "DELETE"),
    ("X-Forwarded-Host", "reports.example", "other.example"),
    ("X-Rewrite-Url", "/v1/reports/1", "/v1/secret"),
    ("X-HTTP-Method-Override", "GET", "DELETE"),
    ("X-Auth-Reason", "", "rate_exceeded"),
    (
        "Connection",
        "close",
        "X-Forwarded-For, X-Forwarded-Uri, X-Forwarded-Method, X-Original-URI, X-Original-Method",
    ),
];

pub fn nothing_that_a_client_claims_changes_a_decision(kind: Kind) {
    let site = Site::new(kind);
    let token = site.token(&["--route", "GET reports.example/v1/reports/*", "--allow-network", "127.0.0.1"]);
    let hold = |helps: &[Header<'_>], harms: &[Header<'_>]| {
        site.passed(&site.get("/v1/reports/1", &token, harms));
        assert_eq!(site.refused(&site.get("/v1/secret", &token, helps), 403), "route_denied", "{helps:?}");
        let delete = site.ask("DELETE", "/v1/reports/1", &token, helps);
        assert_eq!(site.refused(&delete, 403), "route_denied", "{helps:?}");
        let mut elsewhere = site.client().from([127, 0, 0, 2]);
        let request = elsewhere.get("/v1/reports/1").header("Host", HOST).bearer(&token);
        let reply = helps.iter().fold(request, |request, (name, value)| request.header(name, value)).send();
        assert_eq!(site.refused(&reply, 403), "network_denied", "{helps:?}");
    };
    hold(&[], &[]);
    for (name, helps, harms) in CLAIMS {
        hold(&[(name, helps)], &[(name, harms)]);
        hold(&[(name, helps), (name, helps)], &[(name, harms), (name, harms)]);
    }
    let helps: Vec<Header<'_>> = CLAIMS.iter().map(|(name, helps, _)| (*name, *helps)).collect();
    let harms: Vec<Header<'_>> = CLAIMS.iter().map(|(name, _, harms)| (*name, *harms)).collect();
    hold(&helps, &harms);
    assert_eq!(site.refused(&site.get("/v1/reports/1", "nothing", &helps), 401), "credential_invalid");
}
