//! Asks everything of everybody over kept connections, and compares what came back.

use std::thread;

use super::{
    asker::{Asker, Carrier, Person, State},
    dialects::{dialect, said},
    model::{Expected, Rule, expected},
    probes::{Body, Probe},
    world::World,
};
use crate::harness::{
    Client, Reply, campaign,
    client::Request,
    page::{COOKIE, from_page},
};

/// One reply, as far as the model speaks of it.
#[derive(Clone, Debug)]
pub struct Seen<'probes> {
    /// Who asked.
    pub asker: Asker,
    /// What.
    pub probe: &'probes Probe,
    /// As a HEAD, which has no body.
    pub head: bool,
    /// The status.
    pub status: u16,
    /// The code of a problem document.
    pub code: Option<String>,
}

/// In what a reply isn't as a model says.
pub fn disagreement(
    seen: &Seen<'_>,
    model: impl Fn(Asker, &Rule, Option<Expected>) -> Option<Expected>,
) -> Option<String> {
    let foreign = dialect(seen.probe.operation);
    let wanted = model(heard(seen.asker, seen.probe), &seen.probe.rule, seen.probe.then)?;
    let wanted = foreign.map_or(wanted, |dialect| said(dialect, &seen.probe.rule, wanted));
    let wanted = match seen.probe.operation {
        "GET /gate" if seen.probe.target.contains("profile=nginx") => folded(wanted),
        // A client that may not is no worse than one that asks wrong (RFC 6749, 5.2).
        "POST /oauth/token" if matches!(wanted.status, 403 | 404) => Expected { status: 400, ..wanted },
        _ => wanted,
    };
    let word = seen.head || foreign.is_some() || wanted.code == seen.code.as_deref();
    if wanted.status == seen.status && word {
        return None;
    }
    Some(format!(
        "{}{} at {} is {} {}, and the model says {} {}",
        if seen.head { "HEAD as " } else { "" },
        seen.probe.operation,
        seen.probe.target,
        seen.status,
        seen.code.as_deref().unwrap_or("-"),
        wanted.status,
        wanted.code.unwrap_or("-"),
    ))
}

/// Who asks, as far as the operation hears them.
fn heard(asker: Asker, probe: &Probe) -> Asker {
    asker.heard_by(probe.target.starts_with("/v1/") && dialect(probe.operation).is_none())
}

/// What nginx is told: it has no other no than these.
const fn folded(wanted: Expected) -> Expected {
    let status = if matches!(wanted.status, 200 | 401) { wanted.status } else { 403 };
    Expected { status, ..wanted }
}

/// Asks each probe of each asker, where it does no harm.
pub fn all<'probes>(world: &World, askers: &[Asker], probes: &'probes [Probe]) -> Vec<Seen<'probes>> {
    const WORKERS: usize = 4;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                // One person's requests follow one another: some of them change the person's own account.
                let mine = move |asker: &Asker| asker.person as usize % WORKERS == worker;
                scope.spawn(move || {
                    let mut client = world.server.client();
                    let mut seen = Vec::new();
                    for asker in askers.iter().copied().filter(mine) {
                        for (place, probe) in probes.iter().enumerate() {
                            if !is_dear(asker, probe) || (place + asker.place()) % 8 == 0 {
                                seen.extend(one(world, &mut client, asker, probe));
                            }
                        }
                    }
                    seen
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a worker's panic is the test's"))
            .collect()
    })
}

/// Whether a short run asks this only now and then, somebody else's turn each time: a password costs a hash to check
/// and another one to set. Who administers another organization than the one they are in is asked everything.
fn is_dear(asker: Asker, probe: &Probe) -> bool {
    let sets = matches!(probe.operation, "POST /v1/users" | "PUT /v1/users/{user}/password");
    let dear = match asker.carrier {
        Carrier::Password => asker.person != Person::Double || asker.state != State::Active,
        Carrier::Bearer => false,
        _ => sets,
    };
    // The same API at another path is asked a part of it.
    let twice = probe.operation.contains(" /v1/accounts/") && !asker.place().is_multiple_of(4);
    campaign(0, 1) == 0 && (dear || twice)
}

fn one<'probes>(
    world: &World,
    client: &mut Client,
    asker: Asker,
    probe: &'probes Probe,
) -> Vec<Seen<'probes>> {
    let Some(wanted) = expected(heard(asker, probe), &probe.rule, probe.then) else { return Vec::new() };
    // A password that is refused counts as a guess: one is enough.
    let guess = asker.carrier == Carrier::Password && asker.state == State::OwnerDisabled;
    if guess && probe.operation != "GET /v1/me" {
        return Vec::new();
    }
    let revokes = probe.operation == "DELETE /v1/tokens/self" && wanted.status == 204;
    if revokes && asker.carrier != Carrier::Bearer {
        return Vec::new();
    }
    let mut seen = Vec::new();
    for head in [false, true] {
        // A HEAD says what its GET says; by password it would cost a hash more.
        if head && (probe.method() != "GET" || asker.carrier == Carrier::Password) {
            continue;
        }
        let reply = ask(world, client, asker, probe, if head { "HEAD" } else { probe.method() });
        let ours = dialect(probe.operation).is_none();
        let problem = reply.header("content-type") == Some("application/problem+json") && ours && !head;
        let code = problem.then(|| reply.json()["code"].as_str().unwrap_or_default().to_owned());
        let code =
            code.or_else(|| reply.header("x-auth-reason").filter(|code| !code.is_empty()).map(str::to_owned));
        seen.push(Seen { asker, probe, head, status: reply.status, code });
    }
    seen
}

/// Sends a probe in an asker's name.
pub fn ask(world: &World, client: &mut Client, asker: Asker, probe: &Probe, method: &str) -> Reply {
    let credential = world.credential(asker);
    let name = credential.map_or("nobody", |credential| &credential.actor.name);
    let request = client.request(method, &probe.target.replace("{me}", name));
    let request = match &probe.body {
        Body::None => request,
        Body::Json(body) => request.json(body),
        Body::Form(form) => request.form(form),
        Body::OwnPassword => {
            let password =
                credential.map_or("a password of nobody's", |credential| &credential.actor.password);
            request.json(&serde_json::json!({ "password": password }))
        }
    };
    let request =
        if probe.operation == "PATCH /v1/tokens/{id}" { request.header("If-Match", "*") } else { request };
    let reply = present(world, request, asker, probe.operation == "DELETE /v1/tokens/self").send();
    if probe.operation == "PUT /v1/users/{user}/password" && reply.status == 204 {
        // Which ended the sessions of whoever it is.
        world.signed_out(name);
    }
    reply
}

fn present<'client>(world: &World, request: Request<'client>, asker: Asker, spare: bool) -> Request<'client> {
    if asker.person == Person::Local {
        return request.bearer(world.server.secret());
    }
    let Some(credential) = world.credential(asker) else { return request };
    let token = if spare { &credential.spare } else { &credential.token };
    match asker.carrier {
        Carrier::None => request,
        Carrier::Password => request.basic(&credential.actor.name, &credential.actor.password),
        Carrier::Session => {
            let cookie = format!("{COOKIE}={}", world.session(&credential.actor));
            from_page(request.header("Cookie", cookie))
        }
        Carrier::BasicToken => request.basic(&credential.actor.name, token),
        Carrier::Bearer => request.bearer(token),
        Carrier::ApiKey => request.header("x-api-key", token),
        Carrier::AccessToken => request.header("X-Access-Token", token),
        Carrier::UserToken => request.header("user-token", token),
        Carrier::Two => request.bearer(token).header("x-api-key", token),
    }
}
