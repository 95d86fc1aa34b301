//! Every operation of the document, every method, every way to come, every role, privilege and fate of a token: what
//! comes back is what a model says that was written apart from the code.
//!
//! The operations are the running binary's own (`/openapi.json`). One without an entry in the table of probes fails:
//! a route without a declared demand. A run takes each person with each power, each person with each fate, and each
//! carrier; `--long` takes the whole product.

mod asker;
pub mod dialects;
mod foreign;
mod model;
mod probes;
mod run;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::{
    asker::{Asker, Carrier, LOCAL, NOBODY, PEOPLE, POWERS, Person, Powers, STATES, State, TOKEN_CARRIERS},
    model::{Rule, expected, no, ok},
    probes::{Probe, probes},
    run::{Seen, disagreement},
    world::World,
};
use crate::harness::{Server, campaign};

/// The document's paths, each with its methods in capitals.
fn document(server: &Server) -> BTreeMap<String, BTreeSet<String>> {
    let document: Value = server.client().get("/openapi.json").send().expect(200).json();
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .map(|(path, item)| {
            let methods = item.as_object().expect("operations").keys().map(|method| method.to_uppercase());
            (path.clone(), methods.collect())
        })
        .collect()
}

/// Everybody who asks in this run.
fn askers(world: &World) -> Vec<Asker> {
    let mut askers = vec![NOBODY, LOCAL];
    for carrier in TOKEN_CARRIERS.into_iter().chain([Carrier::Password, Carrier::Session, Carrier::Two]) {
        for person in PEOPLE {
            for powers in POWERS {
                for state in STATES {
                    askers.push(Asker { carrier, person, powers, state });
                }
            }
        }
    }
    askers.retain(|asker| world.has(*asker));
    if campaign(0, 1) == 0 {
        askers.retain(|asker| wanted(*asker));
    }
    askers
}

/// Whether an asker belongs in a short run.
fn wanted(asker: Asker) -> bool {
    let Asker { carrier, person, powers, state } = asker;
    match carrier {
        Carrier::None => true,
        Carrier::Password | Carrier::Session => {
            state == State::Active
                || matches!(person, Person::Administrator | Person::Member | Person::Double)
        }
        // Each person with each power; each person with each fate.
        Carrier::Bearer => state == State::Active || powers == Powers::Admin,
        Carrier::Two => person == Person::Operator && powers == Powers::Admin && state == State::Active,
        _ => {
            matches!(
                (person, powers, state),
                (Person::Administrator | Person::Operator, Powers::Admin, State::Active)
                    | (Person::Member, Powers::Restricted, State::Active)
                    | (Person::Administrator, Powers::Admin, State::OwnerDisabled | State::Deleted)
            )
        }
    }
}

#[test]
fn every_operation_answers_everybody_as_the_model_says() {
    let world = World::new();
    let document = document(&world.server);
    let probes = probes(&world);
    declared(&document, &probes);
    let askers = askers(&world);
    let seen = run::all(&world, &askers, &probes);
    assert!(seen.len() > 5_000, "only {} replies", seen.len());
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in &seen {
        if let Some(what) = disagreement(one, expected) {
            wrong.entry(what).or_default().push(one.asker.to_string());
        }
    }
    let told =
        wrong.iter().map(|(what, who)| format!("{what}\n    for {}", who.join(", "))).collect::<Vec<_>>();
    assert!(told.is_empty(), "of {} replies some aren't as the model says:\n{}", seen.len(), told.join("\n"));
    every_wrong_entry_is_noticed(&seen, &probes);
    methods(&world, &document);
}

/// An operation without a probe is a route without a declared demand; a probe without an operation isn't served.
fn declared(document: &BTreeMap<String, BTreeSet<String>>, probes: &[Probe]) {
    let served: BTreeSet<_> = document
        .iter()
        .flat_map(|(path, methods)| methods.iter().map(move |method| format!("{method} {path}")))
        .collect();
    let known: BTreeSet<_> = probes.iter().map(|probe| probe.operation.to_owned()).collect();
    let undeclared: Vec<_> = served.difference(&known).collect();
    assert!(undeclared.is_empty(), "routes without a declared demand: {undeclared:?}");
    let unserved: Vec<_> = known.difference(&served).collect();
    assert!(unserved.is_empty(), "declared and not in the document: {unserved:?}");
}

/// The negative control: were an operation's demand another, the comparison would say so.
fn every_wrong_entry_is_noticed(seen: &[Seen<'_>], probes: &[Probe]) {
    let operations: BTreeSet<_> = probes.iter().map(|probe| probe.operation).collect();
    for operation in operations {
        let mut of_it = seen.iter().filter(|seen| seen.probe.operation == operation && !seen.head);
        let open = of_it.clone().all(|seen| matches!(seen.probe.rule, Rule::Open));
        let other = if open { Rule::Anyone } else { Rule::Open };
        let noticed = of_it.any(|seen| {
            let then = seen.probe.then.or(Some(ok(200)));
            disagreement(seen, |asker, _, _| expected(asker, &other, then)).is_some()
        });
        assert!(noticed, "{operation} could demand {other:?} and nobody would see it");
    }
}

/// A path's other methods are 405 to everybody, with the document's own in `Allow`.
fn methods(world: &World, document: &BTreeMap<String, BTreeSet<String>>) {
    let mut client = world.server.client();
    for (path, methods) in document {
        let parts = path.split('/').map(|part| match part {
            "{organization}" => "acme",
            "{user}" => "victim",
            "{privilege}" => "no:such",
            part if part.starts_with('{') => probes::NOWHERE,
            part => part,
        });
        let target = parts.collect::<Vec<_>>().join("/");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let read = method == "HEAD" && methods.contains("GET");
            if read || methods.contains(method) {
                continue;
            }
            if path.starts_with("/gate") {
                // It stands for another service's request, of whatever method.
                client.request(method, &target).send().expect(if target == "/gate" { 401 } else { 400 });
                continue;
            }
            for known in [false, true] {
                let request = client.request(method, &target);
                let request = if known { request.bearer(world.server.secret()) } else { request };
                let reply = request.send();
                assert_eq!(reply.status, 405, "{method} {path}");
                let mut allowed = methods.clone();
                if methods.contains("GET") {
                    allowed.insert("HEAD".into());
                }
                let allow = reply.header("allow").expect("a 405 says what is allowed");
                let allow: BTreeSet<_> = allow.split(',').map(|method| method.trim().to_owned()).collect();
                assert_eq!(allow, allowed, "{method} {path}");
            }
        }
    }
}

#[test]
fn the_comparison_sees_a_wrong_status_and_a_wrong_word() {
    let probe = Probe {
        operation: "GET /v1/users",
        target: "/v1/users".into(),
        body: probes::Body::None,
        rule: Rule::ManageMeant,
        then: Some(ok(200)),
    };
    let asker = Asker { carrier: Carrier::Bearer, person: Person::Issuer, ..NOBODY };
    let seen =
        |status, code: &str| Seen { asker, probe: &probe, head: false, status, code: Some(code.into()) };
    assert_eq!(expected(asker, &probe.rule, probe.then), Some(no(403, "privilege_missing")));
    assert_eq!(disagreement(&seen(403, "privilege_missing"), expected), None);
    assert!(disagreement(&seen(403, "operator_required"), expected).is_some());
    assert!(disagreement(&seen(404, "privilege_missing"), expected).is_some());
    assert!(disagreement(&Seen { code: None, ..seen(200, "") }, expected).is_some());
    let head = Seen { head: true, code: None, ..seen(403, "") };
    assert_eq!(disagreement(&head, expected), None, "a HEAD has no word");
}
