//! One life of a token, lived through each API, and each token used through every other.

use serde_json::Value;

use crate::harness::{Client, Reply, Server, server::Actor, token};

const NONE: Value = Value::Null;

/// How one API does what all of them do. In a path `{id}` is the token's id as this API spells it.
struct Api {
    name: &'static str,
    /// Where a token is minted, and with what body.
    mint: (&'static str, &'static str),
    /// Whether minting takes a password.
    by_password: bool,
    /// The member of the reply with the secret.
    secret: &'static str,
    /// The header that this API's scripts put a token into, and what stands before it there.
    carrier: (&'static str, &'static str),
    /// A read with the token itself.
    read: &'static str,
    /// Its spelling of an id.
    spelt: fn(&Token) -> String,
    /// A list of one's tokens: its path, where its items stand and which member is the id.
    list: Option<(&'static str, &'static str, &'static str)>,
    /// One token by its id, and what is answered once it is deleted.
    show: Option<(&'static str, u16)>,
    /// Disabling and enabling.
    switch: Option<[&'static str; 2]>,
    /// Deleting: the path, and what is answered to the second time.
    delete: Option<(&'static str, u16)>,
    /// What is answered where there is no such token.
    unknown: u16,
    /// The media type of a refusal for want of a good credential.
    refusal: &'static str,
}

const PROBLEM: &str = "application/problem+json";

const APIS: [Api; 6] = [
    Api {
        name: "native",
        mint: ("/v1/tokens", r#"{"name":"scenario"}"#),
        by_password: false,
        secret: "/token",
        carrier: ("Authorization", "Bearer "),
        read: "/v1/tokens/self",
        spelt: |token| token.uuid.clone(),
        list: Some(("/v1/tokens?limit=200", "/items", "id")),
        show: Some(("/v1/tokens/{id}", 200)),
        switch: Some(["/v1/tokens/{id}/disable", "/v1/tokens/{id}/enable"]),
        delete: Some(("/v1/tokens/{id}", 410)),
        unknown: 404,
        refusal: PROBLEM,
    },
    Api {
        name: "akinon",
        mint: ("/api/v1/me/tokens", r#"{"name":"scenario","lifetime":"one-week"}"#),
        by_password: false,
        secret: "/token",
        carrier: ("x-access-token", ""),
        read: "/api/v1/me/tokens",
        spelt: |token| token.uuid.replace('-', "")[..24].to_owned(),
        list: Some(("/api/v1/me/tokens", "", "_id")),
        show: None,
        switch: None,
        delete: Some(("/api/v1/me/tokens/{id}", 400)),
        unknown: 400,
        refusal: "application/json",
    },
    Api {
        name: "dataprep",
        mint: ("/v4/apiAccessTokens", r#"{"lifetimeSeconds":3600,"description":"scenario"}"#),
        by_password: false,
        secret: "/tokenValue",
        carrier: ("Authorization", "Bearer "),
        read: "/v4/apiAccessTokens",
        spelt: |token| token.uuid.clone(),
        list: Some(("/v4/apiAccessTokens", "/data", "tokenId")),
        show: Some(("/v4/apiAccessTokens/{id}", 410)),
        switch: None,
        delete: Some(("/v4/apiAccessTokens/{id}", 410)),
        unknown: 404,
        refusal: "text/plain",
    },
    Api {
        name: "datasentinel",
        mint: ("/ds-api/user-token", ""),
        by_password: true,
        secret: "/user-token",
        carrier: ("user-token", ""),
        read: "/ds-api/user-token?token={secret}",
        spelt: |token| token.text.clone(),
        list: None,
        show: Some(("/ds-api/user-token?token={id}", 401)),
        switch: None,
        delete: None,
        unknown: 401,
        refusal: "application/json",
    },
    Api {
        name: "kodexa",
        mint: ("/api/access-tokens", r#"{"name":"scenario","expiresAt":null}"#),
        by_password: false,
        secret: "/token",
        carrier: ("x-api-key", ""),
        read: "/api/account/me",
        spelt: |token| token.uuid.clone(),
        list: Some(("/api/access-tokens?pageSize=100", "/content", "id")),
        show: Some(("/api/access-tokens/{id}", 404)),
        switch: None,
        delete: Some(("/api/access-tokens/{id}", 404)),
        unknown: 404,
        refusal: PROBLEM,
    },
    Api {
        name: "softwareone",
        mint: ("/public/v1/accounts/api-tokens", r#"{"name":"scenario"}"#),
        by_password: false,
        secret: "/token",
        carrier: ("Authorization", "Bearer idt:{number}:"),
        read: "/public/v1/accounts/api-tokens/{number}",
        spelt: |token| token.number.clone(),
        list: Some(("/public/v1/accounts/api-tokens", "/data", "id")),
        show: Some(("/public/v1/accounts/api-tokens/{id}", 200)),
        switch: Some([
            "/public/v1/accounts/api-tokens/{id}/disable",
            "/public/v1/accounts/api-tokens/{id}/enable",
        ]),
        delete: Some(("/public/v1/accounts/api-tokens/{id}", 400)),
        unknown: 404,
        refusal: PROBLEM,
    },
];

/// A token, and the ways to spell its id.
#[derive(Clone)]
struct Token {
    text: String,
    uuid: String,
    number: String,
}

/// A server, and whose tokens are lived.
struct Scene {
    server: Server,
    client: Client,
    ada: Actor,
    /// A token of ada's that asks about the others.
    keeper: Token,
    /// A token of somebody else's.
    foreign: Token,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let (ada, bert) = (server.administrator("ada"), server.user("bert"));
        let [keeper, foreign] = [&ada, &bert].map(|actor| token(&server, server.token(actor)));
        Self { client: server.client(), server, ada, keeper, foreign }
    }

    fn mint(&mut self, api: &Api) -> Token {
        let (path, body) = api.mint;
        let (header, value) =
            if api.by_password { ("Authorization", self.ada.basic()) } else { carried(api, &self.keeper) };
        let request = self.client.post(path).header(header, value);
        let request = if body.is_empty() { request } else { request.text("application/json", body) };
        let made = request.send().expect(201).json();
        let secret = made.pointer(api.secret).and_then(Value::as_str).expect("the secret, this once");
        let text = secret.rsplit(':').next().unwrap().to_owned();
        if secret != text {
            let number = made["id"].as_str().unwrap();
            assert_eq!(secret, format!("idt:{number}:{text}"));
        }
        token(&self.server, text)
    }

    /// Asks with `asker`'s token, in the API's own carrier.
    fn ask(&mut self, api: &Api, method: &str, path: &str, of: &Token, asker: Option<&Token>) -> Reply {
        let path = filled(path, api, of);
        let (header, value) = carried(api, asker.unwrap_or(&self.keeper));
        let request = self.client.request(method, &path).header(header, value);
        match method {
            // As many of the vendors' clients do.
            "GET" => request.header("Content-Type", "application/json").send(),
            "DELETE" => request.text("application/json", "{}").send(),
            _ => request.send(),
        }
    }

    /// A read with the token itself, in an API's own carrier.
    fn read(&mut self, api: &Api, of: &Token) -> Reply {
        // The vendor's own scripts send nothing beside the token in the query.
        if api.read.contains('?') {
            return self.client.get(&filled(api.read, api, of)).send();
        }
        self.ask(api, "GET", api.read, of, Some(of))
    }

    fn listed(&mut self, api: &Api, of: &Token) -> Option<bool> {
        let (path, items, member) = api.list?;
        let list = self.ask(api, "GET", path, of, None).expect(200).json();
        let items = list.pointer(items).and_then(Value::as_array).expect("a list of tokens");
        let id = (api.spelt)(of);
        Some(items.iter().any(|item| item[member] == id.as_str()))
    }

    fn introspection(&mut self, of: &Token) -> Value {
        let form = format!("token={}", of.text);
        let request = self.client.post("/oauth/introspect").bearer(self.server.secret());
        request.form(&form).send().expect(200).json()
    }

    fn introspected(&mut self, of: &Token) -> bool {
        self.introspection(of)["active"].as_bool().expect("yes or no")
    }

    /// Asserts that every API lets the token in, lists it and shows it.
    fn lives(&mut self, of: &Token, why: &str) {
        for api in &APIS {
            let name = api.name;
            let reply = self.read(api, of);
            assert_eq!(reply.status, 200, "{why}: {name} reads: {}", reply.text());
            assert_ne!(self.listed(api, of), Some(false), "{why}: {name} lists");
            if let Some((path, _)) = api.show {
                let reply = self.ask(api, "GET", path, of, None);
                assert_eq!(reply.status, 200, "{why}: {name} shows: {}", reply.text());
            }
        }
        assert!(self.introspected(of), "{why}");
    }

    /// Asserts that every API refuses the token as a credential, in its words.
    fn refused(&mut self, of: &Token, why: &str) {
        for api in &APIS {
            let reply = self.read(api, of);
            assert_eq!(reply.status, 401, "{why}: {} reads: {}", api.name, reply.text());
            assert_eq!(reply.header("content-type"), Some(api.refusal), "{why}: {}", api.name);
        }
        assert!(!self.introspected(of), "{why}");
    }

    /// Asserts that the token is gone from everywhere.
    fn is_dead(&mut self, of: &Token, why: &str) {
        self.refused(of, why);
        for api in &APIS {
            let name = api.name;
            assert_ne!(self.listed(api, of), Some(true), "{why}: {name} lists");
            if let Some((path, status)) = api.show {
                let reply = self.ask(api, "GET", path, of, None);
                assert_eq!(reply.status, status, "{why}: {name} shows: {}", reply.text());
                let shown = reply.json()["status"].as_str().map(str::to_lowercase);
                assert!(status != 200 || shown.as_deref() == Some("deleted"), "{why}: {name}");
            }
            for path in api.switch.into_iter().flatten() {
                let reply = self.ask(api, "POST", path, of, None);
                assert!(matches!(reply.status, 400 | 404 | 410), "{why}: {name} {path}: {}", reply.text());
            }
            if let Some((path, again)) = api.delete {
                let reply = self.ask(api, "DELETE", path, of, None);
                assert_eq!(reply.status, again, "{why}: {name} deletes again: {}", reply.text());
            }
        }
        self.refused(of, why);
    }
}

fn token(server: &Server, text: String) -> Token {
    let object = server.with(&text, "GET", "/v1/tokens/self", &NONE).expect(200).json();
    let uuid = token::Wire::read(&text).uuid();
    assert_eq!(object["id"], uuid.as_str());
    Token { uuid, number: object["number"].as_str().unwrap().into(), text }
}

fn filled(path: &str, api: &Api, of: &Token) -> String {
    let path = path.replace("{id}", &(api.spelt)(of));
    path.replace("{number}", &of.number).replace("{secret}", &of.text)
}

fn carried(api: &Api, of: &Token) -> (&'static str, String) {
    let (header, before) = api.carrier;
    (header, format!("{}{}", before.replace("{number}", &of.number), of.text))
}

#[test]
fn a_token_lives_one_life_whichever_api_it_is_lived_through() {
    let mut scene = Scene::new();
    for api in &APIS {
        let name = api.name;
        let token = scene.mint(api);
        scene.lives(&token, &format!("minted through {name}"));
        // Where an API can't disable, its tokens are disabled through the own one.
        let switches = if api.switch.is_some() { api } else { &APIS[0] };
        let [disable, enable] = switches.switch.expect("the own API switches");
        scene.ask(switches, "POST", disable, &token, None).expect(200);
        scene.refused(&token, &format!("disabled through {}", switches.name));
        for lists in &APIS {
            assert_ne!(scene.listed(lists, &token), Some(false), "{} lists what is disabled", lists.name);
        }
        scene.ask(switches, "POST", enable, &token, None).expect(200);
        scene.lives(&token, &format!("enabled through {}", switches.name));
        match api.delete {
            Some((path, _)) => scene.ask(api, "DELETE", path, &token, None).expect(204),
            // What has no route for it deletes through the own API.
            None => scene.ask(api, "DELETE", "/v1/tokens/self", &token, Some(&token)).expect(204),
        };
        scene.is_dead(&token, &format!("deleted through {name}"));
    }
}

#[test]
fn what_one_api_minted_another_deletes_and_a_token_deletes_itself() {
    let mut scene = Scene::new();
    for minter in &APIS {
        for deleter in APIS.iter().filter(|api| api.delete.is_some()) {
            let path = deleter.delete.unwrap().0;
            let why = format!("minted through {}, deleted through {}", minter.name, deleter.name);
            let [by_other, by_itself] = [(); 2].map(|()| scene.mint(minter));
            scene.ask(deleter, "DELETE", path, &by_other, None).expect(204);
            scene.refused(&by_other, &why);
            scene.ask(deleter, "DELETE", path, &by_itself, Some(&by_itself)).expect(204);
            scene.refused(&by_itself, &why);
        }
    }
}

#[test]
fn somebody_elses_token_is_unknown_to_every_api_and_lives_on() {
    let mut scene = Scene::new();
    let theirs = scene.mint(&APIS[0]);
    let foreign = scene.foreign.clone();
    for api in &APIS {
        let name = api.name;
        if let Some((path, ..)) = api.list {
            let list = scene.ask(api, "GET", path, &theirs, Some(&foreign)).expect(200);
            assert!(!list.text().contains(&(api.spelt)(&theirs)), "{name} lists it to somebody else");
        }
        // Who knows the secret reads it; ids are for the owner.
        let show = api.show.filter(|_| !api.read.contains("{secret}")).map(|(path, _)| ("GET", path));
        let switch = api.switch.into_iter().flatten().map(|path| ("POST", path));
        let delete = api.delete.map(|(path, _)| ("DELETE", path));
        for (method, path) in show.into_iter().chain(switch).chain(delete) {
            let reply = scene.ask(api, method, path, &theirs, Some(&foreign));
            assert_eq!(reply.status, api.unknown, "{name} {method} {path}: {}", reply.text());
        }
        scene.lives(&theirs, &format!("after somebody else tried through {name}"));
    }
}

#[test]
fn introspection_says_the_same_of_a_token_whichever_api_minted_it() {
    let mut scene = Scene::new();
    for api in &APIS {
        let made = scene.mint(api);
        let told = scene.introspection(&made);
        let object = scene.server.with(&made.text, "GET", "/v1/tokens/self", &NONE).expect(200).json();
        assert_eq!(
            (&told["active"], &told["username"]),
            (&Value::Bool(true), &object["owner"]),
            "{}",
            api.name
        );
        let expires = object["expires_at"].as_str().expect("none of these lives for good");
        let expires = expires.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        assert_eq!(told["exp"].as_i64(), Some(expires / 1000), "{}: {told}", api.name);
    }
}
