//! A client that is signed in as jeton's own page is: by its cookie, with what a browser sends along.

use serde_json::{Value, json};

use super::{Client, Reply, Server, client::Request, server::Actor};

/// The page's cookie.
pub const COOKIE: &str = "__Host-jeton";

/// Somebody at the page.
#[derive(Debug)]
pub struct Page {
    client: Client,
    /// What the cookie holds.
    pub cookie: String,
}

/// What a browser sends along with a request that the page makes.
pub fn from_page(request: Request<'_>) -> Request<'_> {
    request
        .header("Jeton-Page", "1")
        .header("Origin", "http://localhost")
        .header("Sec-Fetch-Site", "same-origin")
}

/// Asks for a session.
pub fn sign_in(client: &mut Client, name: &str, password: &str) -> Reply {
    let body = json!({ "username": name, "password": password });
    from_page(client.post("/v1/session")).json(&body).send()
}

/// What a reply sets the page's cookie to.
pub fn cookie_of(reply: &Reply) -> String {
    let header = reply.header("set-cookie").expect("a cookie");
    let pair = header.split(';').next().expect("a first part");
    pair.strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('=')).expect("the page's").to_owned()
}

impl Page {
    /// Signs in.
    pub fn open(server: &Server, actor: &Actor) -> Self {
        let mut client = server.client();
        let cookie = cookie_of(&sign_in(&mut client, &actor.name, &actor.password).expect(201));
        Self { client, cookie }
    }

    /// Somebody who has this cookie, wherever they got it from.
    pub fn with(server: &Server, cookie: &str) -> Self {
        Self { client: server.client(), cookie: cookie.to_owned() }
    }

    /// A request with the cookie, and nothing that shows where it comes from.
    pub fn bare(&mut self, method: &str, path: &str) -> Request<'_> {
        let cookie = format!("theme=dark; {COOKIE}={}", self.cookie);
        self.client.request(method, path).header("Cookie", cookie)
    }

    /// A request as the page makes it.
    pub fn request(&mut self, method: &str, path: &str) -> Request<'_> {
        from_page(self.bare(method, path))
    }

    /// Reads.
    pub fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    /// Does something.
    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        self.request(method, path).json(body).send()
    }
}
