//! What is documented is what happens: a tour over every operation, each reply held against the OpenAPI document.
//!
//! A status, a media type, a header or a member of a body that the document doesn't have fails; so does a documented
//! success that the tour never got. What else is documented and wasn't seen is printed.

mod dialects;
mod gate;
mod refusals;
mod schema;
mod sessions;
mod tour;

use std::collections::BTreeSet;

use serde_json::Value;

use self::{schema::Schemas, tour::Tour};
use crate::{
    harness::{Reply, Server},
    matrix::dialects::dialect,
};

/// Refusals that the tour doesn't provoke: failures, floods, full disks and slow bodies have tests of their own.
const ELSEWHERE: [&str; 7] = ["408", "414", "429", "431", "500", "503", "507"];

/// The document, and what has been seen of it.
pub struct Conformance {
    document: Value,
    seen: BTreeSet<(String, String)>,
    wrong: Vec<String>,
}

impl Conformance {
    fn of(server: &Server) -> Self {
        let document = server.client().get("/openapi.json").send().expect(200).json();
        Self { document, seen: BTreeSet::new(), wrong: Vec::new() }
    }

    /// Every operation: its method and path, and what the document says of it.
    fn operations(&self) -> Vec<(String, Value)> {
        let paths = self.document["paths"].as_object().expect("paths").iter();
        paths
            .flat_map(|(path, item)| {
                let operations = item.as_object().expect("operations").iter();
                operations.map(move |(method, operation)| {
                    (format!("{} {path}", method.to_uppercase()), operation.clone())
                })
            })
            .collect()
    }

    fn responses(&self, operation: &str) -> &Value {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        &self.document["paths"][path][method.to_lowercase()]["responses"]
    }

    /// Holds a reply against the document.
    pub fn check(&mut self, operation: &str, reply: &Reply) {
        let status = reply.status.to_string();
        let problems = self.problems(operation, &status, reply);
        self.wrong.extend(problems.into_iter().map(|problem| format!("{operation} {status}: {problem}")));
        self.seen.insert((operation.into(), status));
    }

    fn problems(&self, operation: &str, status: &str, reply: &Reply) -> Vec<String> {
        let Some(response) = self.responses(operation).get(status) else {
            return vec![format!("not documented: {}", reply.text())];
        };
        let mut problems = Vec::new();
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let there = reply.headers.iter().any(|(other, _)| other == &name.to_lowercase());
            if !there && header["required"] == true {
                problems.push(format!("the header {name} is documented and missing"));
            }
        }
        for name in ["location", "etag", "www-authenticate", "retry-after", "allow", "link"] {
            let documented = response["headers"].as_object().into_iter().flatten();
            let documented = documented.map(|(name, _)| name.to_lowercase()).any(|other| other == name);
            if reply.header(name).is_some() && !documented {
                problems.push(format!("the header {name} isn't documented"));
            }
        }
        if !operation.contains(" /gate") {
            problems.extend(unguarded(reply));
        }
        let content = response["content"].as_object();
        let media_type =
            reply.header("content-type").map(|full| full.split(';').next().unwrap_or(full).trim());
        match (content.filter(|content| !content.is_empty()), media_type) {
            (None, None) if reply.body.is_empty() => {}
            (None, _) => problems.push(format!("has a body, which isn't documented: {media_type:?}")),
            (Some(content), Some(media_type)) => match content.get(media_type) {
                None => problems.push(format!("{media_type} isn't documented")),
                Some(content) if media_type.ends_with("json") => {
                    problems.extend(Schemas(&self.document).check(&content["schema"], &reply.json()));
                }
                Some(_) => {}
            },
            (Some(_), None) => problems.push("has no body".into()),
        }
        problems
    }

    /// Documented and never seen.
    fn unseen(&self) -> Vec<(String, String)> {
        let documented = self.operations().into_iter().flat_map(|(operation, says)| {
            let statuses: Vec<_> =
                says["responses"].as_object().expect("responses").keys().cloned().collect();
            statuses.into_iter().map(move |status| (operation.clone(), status))
        });
        documented.filter(|one| !self.seen.contains(one)).collect()
    }
}

/// What a reply lacks of what every one of them says to a browser.
pub fn unguarded(reply: &Reply) -> Vec<String> {
    let wanted = [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    let lacking = wanted.into_iter().filter(|(name, value)| reply.header(name) != Some(*value));
    lacking.map(|(name, _)| format!("{name} is {:?}", reply.header(name))).collect()
}

#[test]
fn every_reply_is_as_the_document_says() {
    // With a path in the public URL, which has a place of its own for the metadata.
    let setup = Server::setup().flags(&["--public-url", "https://tokens.example.org/jeton"]);
    let mut tour = Tour::on(setup.settings("gate_policies.orders.require = ['orders:read']"));
    tour.successes();
    tour.gate();
    tour.refusals();
    let conformance = tour.end();
    assert!(conformance.wrong.is_empty(), "{}", conformance.wrong.join("\n"));
    let unseen = conformance.unseen();
    let own = unseen.into_iter().filter(|(operation, _)| dialect(operation).is_none());
    let (good, bad): (Vec<_>, Vec<_>) =
        own.partition(|(_, status)| status.starts_with('2') || status == "304");
    assert!(good.is_empty(), "documented successes that the tour doesn't have: {good:?}");
    let bad: Vec<_> = bad.iter().filter(|(_, status)| !ELSEWHERE.contains(&status.as_str())).collect();
    eprintln!("documented, and not seen on the tour: {bad:?}");
}

#[test]
fn a_reply_that_is_not_as_documented_is_noticed() {
    let server = Server::start();
    let mut conformance = Conformance::of(&server);
    let good = server.client().get("/v1/me").bearer(server.secret()).send().expect(200);
    conformance.check("GET /v1/me", &good);
    assert_eq!(conformance.wrong, [""; 0]);
    let altered = |change: &dyn Fn(&mut Reply)| {
        let mut reply = good.clone();
        change(&mut reply);
        reply
    };
    for bad in [
        altered(&|reply| reply.status = 202),
        altered(&|reply| reply.body = b"{}".to_vec()),
        altered(&|reply| reply.headers.push(("location".into(), "/".into()))),
        altered(&|reply| reply.headers.retain(|(name, _)| name != "content-type")),
        altered(&|reply| {
            let mut body = reply.json();
            body["password"] = "x".into();
            reply.body = body.to_string().into_bytes();
        }),
    ] {
        conformance.wrong.clear();
        conformance.check("GET /v1/me", &bad);
        assert_eq!(conformance.wrong.len().min(1), 1, "{bad:?}");
    }
}
