//! The scene, set over HTTP: organizations, users in every place, and a token for every asker.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::asker::{Asker, Carrier, LOCAL, NOBODY, PEOPLE, POWERS, Person, Powers, STATES, State};
use super::model::owner_holds;
use crate::harness::{
    Client, Reply, Server,
    page::{cookie_of, sign_in},
    server::Actor,
    wait_for,
};

/// One user's name and password, and one token.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Whose it is.
    pub actor: Actor,
    /// The token.
    pub token: String,
    /// Another one like it, to be revoked.
    pub spare: String,
}

/// The server and what a request needs to name.
pub struct World {
    /// The server.
    pub server: Server,
    /// The local operator's connection.
    local: Client,
    credentials: HashMap<(Person, Powers, State), Credential>,
    /// Who is signed in at the page, by name: the cookie, and since when.
    sessions: Mutex<HashMap<String, (String, Instant)>>,
    /// Ids by the names that probes have for them.
    pub ids: HashMap<String, String>,
}

/// How long a password counts as just given, with room.
const FRESH: Duration = Duration::from_mins(2);

/// The number of the module that Acme has.
pub const MODULE: &str = "MOD-1234-5678";

impl World {
    /// Two organizations and people in them, with no askers yet.
    pub fn empty() -> Self {
        let server = Server::setup().settings("gate_policies.orders.require = ['orders:read']").start();
        let local = server.client();
        let (credentials, sessions, ids) = (HashMap::new(), Mutex::default(), HashMap::new());
        let mut world = Self { server, local, credentials, sessions, ids };
        for slug in ["acme", "bravo", "shut", "quiet", "spare"] {
            let made = world.post("/v1/organizations", &json!({ "slug": slug })).expect(201).json();
            world.ids.insert(number(slug), text(&made, "number"));
        }
        world.post("/v1/organizations/spare/disable", &json!(null)).expect(200);
        for (name, org) in [("victim", "acme"), ("idle", "acme"), ("both", "acme"), ("stranger", "bravo")] {
            world.add(&Actor::named(name), &json!({ "organization": org, "privileges": ["*:*"] }));
        }
        world.add(&Actor::named("boss"), &json!({ "organization": "acme", "operator": true }));
        world.post("/v1/organizations/bravo/members", &json!({ "user": "both" })).expect(201);
        world.post("/v1/users/idle/disable", &json!(null)).expect(200);
        let signed_in = Actor::named("victim");
        let reply = sign_in(&mut world.server.client(), &signed_in.name, &signed_in.password).expect(201);
        world.ids.insert("session".into(), text(&reply.json(), "id"));
        for (name, owner) in
            [("active", "victim"), ("disabled", "victim"), ("deleted", "victim"), ("foreign", "stranger")]
        {
            let made = world.post("/v1/tokens", &json!({ "name": name, "owner": owner })).expect(201).json();
            world.ids.insert(name.into(), text(&made, "id"));
            world.ids.insert(number(name), text(&made, "number"));
            if name == "active" {
                world.ids.insert("secret".into(), text(&made, "token"));
            }
        }
        world.post(&format!("/v1/tokens/{}/disable", world.ids["disabled"]), &json!(null)).expect(200);
        world.delete(&format!("/v1/tokens/{}", world.ids["deleted"]));
        for (name, owner) in [("replaced", "victim"), ("foreign_replaced", "stranger")] {
            let made = world.post("/v1/tokens", &json!({ "name": name, "owner": owner })).expect(201).json();
            let id = text(&made, "id");
            let how = json!({ "mode": "overlap", "window": "30d" });
            world.post(&format!("/v1/tokens/{id}/rotate"), &how).expect(201);
            world.ids.insert(name.into(), id);
        }
        for (name, org) in [("module", "acme"), ("foreign_module", "bravo")] {
            let body = json!({ "number": MODULE, "name": "records" });
            let made = world.post(&format!("/v1/organizations/{org}/modules"), &body).expect(201).json();
            world.ids.insert(name.into(), text(&made, "id"));
        }
        world
    }

    /// The whole scene.
    pub fn new() -> Self {
        let mut world = Self::empty();
        for state in STATES {
            for person in PEOPLE {
                world.people(person, state);
            }
        }
        for state in STATES {
            for person in PEOPLE {
                for powers in POWERS {
                    world.tokens(Asker { carrier: Carrier::Bearer, person, powers, state });
                }
            }
        }
        world.settle();
        world
    }

    /// Makes the user behind a person whose account or organization has its own fate.
    fn people(&mut self, person: Person, state: State) {
        let of_token = matches!(state, State::Expired | State::Disabled | State::Deleted);
        let asker = Asker { person, state, ..NOBODY };
        if of_token || person == Person::DoubleAway && state != State::OwnerGone || !exists(person, state) {
            return;
        }
        let actor = Actor::named(&name(person, state));
        // Who is gone was there first.
        let before = Asker { state: if state == State::OwnerGone { State::Active } else { state }, ..asker };
        for (place, (org, admin)) in before.places().into_iter().enumerate() {
            let role = if admin { "administrator" } else { "member" };
            let (may_issue, privileges) = match person {
                Person::Operator | Person::Issuer => (json!(true), json!(["*:*"])),
                Person::Member => (Value::Null, json!(["*:*", "jeton:admin", "jeton:introspect"])),
                _ => (Value::Null, json!(["*:*"])),
            };
            let mut body = json!({ "role": role, "may_issue": may_issue, "privileges": privileges });
            if place == 0 {
                body["organization"] = json!(org.slug());
                body["operator"] = json!(person == Person::Operator);
                self.add(&actor, &body);
            } else {
                body["user"] = json!(actor.name);
                self.post(&format!("/v1/organizations/{}/members", org.slug()), &body).expect(201);
            }
        }
    }

    /// Makes an asker's two tokens; a reserved privilege that the owner doesn't hold may be refused, and nothing else.
    fn tokens(&mut self, asker: Asker) {
        let Asker { person, powers, state, .. } = asker;
        if !exists(person, state) {
            return;
        }
        let actor = Actor::named(&name(person, state));
        let mut body = json!({
            "name": "asker", "owner": actor.name, "organization": asker.home().slug(),
            "lifetime": if state == State::Expired { "1s" } else { "1d" },
        });
        match powers {
            Powers::Everything => {}
            Powers::Admin => body["privileges"] = json!(["jeton:admin"]),
            Powers::Introspect => body["privileges"] = json!(["jeton:introspect"]),
            Powers::Nothing => body["privileges"] = json!([]),
            Powers::Restricted => body["restricted"] = json!(true),
        }
        let first = self.post("/v1/tokens", &body);
        if matches!(powers, Powers::Admin | Powers::Introspect) && !owner_holds(person) && first.status != 201
        {
            assert_eq!(first.problem(403), "privilege_not_held", "{person:?} {powers:?}");
            return;
        }
        let [first, second] = [first, self.post("/v1/tokens", &body)].map(|reply| reply.expect(201).json());
        for made in [&first, &second] {
            let path = format!("/v1/tokens/{}", text(made, "id"));
            match state {
                State::Disabled => drop(self.post(&format!("{path}/disable"), &Value::Null).expect(200)),
                State::Deleted => self.delete(&path),
                _ => {}
            }
        }
        let credential = Credential { actor, token: text(&first, "token"), spare: text(&second, "token") };
        self.credentials.insert((person, powers, state), credential);
    }

    /// Lets come to pass what the states say, once all tokens are there.
    fn settle(&mut self) {
        for person in PEOPLE {
            if exists(person, State::OwnerDisabled) && person != Person::DoubleAway {
                // A session from before, which nobody can begin any more.
                self.session(&Actor::named(&self::name(person, State::OwnerDisabled)));
                let name = name(person, State::OwnerDisabled);
                self.post(&format!("/v1/users/{name}/disable"), &Value::Null).expect(200);
            }
            let gone = Asker { person, state: State::OwnerGone, ..NOBODY };
            let path =
                format!("/v1/organizations/{}/members/{}", gone.home().slug(), name(person, gone.state));
            self.delete(&path);
        }
        self.post("/v1/organizations/shut/disable", &Value::Null).expect(200);
        let quiet = self.local.patch("/v1/organizations/quiet/policy").bearer(self.server.secret());
        quiet.json(&json!({ "api_access": false })).send().expect(200);
        let short: Vec<_> =
            self.credentials.iter().filter(|((.., state), _)| *state == State::Expired).collect();
        let mut client = self.server.client();
        for (_, credential) in short {
            wait_for("tokens to expire", Duration::from_secs(5), || {
                let reply = client.get("/v1/tokens/self").bearer(&credential.token).send();
                (reply.status == 401).then_some(())
            });
        }
    }

    fn add(&mut self, actor: &Actor, rest: &Value) {
        let mut body = rest.clone();
        body["username"] = json!(actor.name);
        body["password"] = json!(actor.password);
        self.post("/v1/users", &body).expect(201);
    }

    /// A POST of the local operator; without a body for `null`.
    pub fn post(&mut self, path: &str, body: &Value) -> Reply {
        let request = self.local.post(path).bearer(self.server.secret());
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    fn delete(&mut self, path: &str) {
        self.local.delete(path).bearer(self.server.secret()).send().expect(204);
    }

    /// The credential of an asker, where the scene has one.
    pub fn credential(&self, asker: Asker) -> Option<&Credential> {
        if asker.carrier == Carrier::None || asker.person == Person::Local {
            return None;
        }
        self.credentials.get(&(asker.person, asker.powers, asker.state))
    }

    /// What a user's cookie holds; they sign in where they aren't, or haven't just done so.
    pub fn session(&self, actor: &Actor) -> String {
        let known = |(cookie, since): &(String, Instant)| (since.elapsed() < FRESH).then(|| cookie.clone());
        let mut sessions = self.sessions.lock().expect("nobody panics with it");
        if let Some(cookie) = sessions.get(&actor.name).and_then(known) {
            return cookie;
        }
        let reply = sign_in(&mut self.server.client(), &actor.name, &actor.password);
        if reply.status == 201 {
            sessions.insert(actor.name.clone(), (cookie_of(&reply), Instant::now()));
        }
        sessions.get(&actor.name).expect("whoever can't sign in did so before").0.clone()
    }

    /// Somebody's sessions have ended.
    pub fn signed_out(&self, name: &str) {
        self.sessions.lock().expect("nobody panics with it").remove(name);
    }

    /// Whether the scene can put a request in this asker's name.
    pub fn has(&self, asker: Asker) -> bool {
        asker == NOBODY || asker == LOCAL || (asker.exists() && self.credential(asker).is_some())
    }
}

/// The name that probes have for the number of what has this name.
pub fn number(name: &str) -> String {
    format!("{name}'s number")
}

/// Whether the scene has tokens of a person in a state.
fn exists(person: Person, state: State) -> bool {
    Asker { carrier: Carrier::Bearer, person, state, ..NOBODY }.exists()
}

/// The name of the user behind a person: those whose account or organization has a fate are others.
fn name(person: Person, state: State) -> String {
    let person = match person {
        // Leaves another organization than the other token's owner.
        Person::DoubleAway if state != State::OwnerGone => Person::Double,
        person => person,
    };
    let fate = match state {
        State::OwnerDisabled => "-off",
        State::OwnerGone => "-gone",
        State::OrganizationDisabled => "-shut",
        State::ApiAccessOff => "-quiet",
        _ => "",
    };
    format!("{person:?}{fate}").to_lowercase()
}

/// A member of a document that is text.
pub fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).into()
}
