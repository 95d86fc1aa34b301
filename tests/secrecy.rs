//! Ten thousand tokens, and no secret, nor any twelve bytes of one, in a file, a log or an error.

use std::{
    fs,
    os::unix::fs::FileExt,
    thread,
    time::{Duration, Instant},
};

use crate::harness::{
    Client, Server,
    scan::{RUN, Runs, contents},
    server::named,
    token,
};

const TOKENS: usize = 10_000;
const CONNECTIONS: usize = 8;

/// Issues over several kept connections, uses each token once, and revokes every third.
fn issue(mut client: Client, keeper: &str, count: usize) -> Vec<String> {
    let mut made = Vec::new();
    for place in 0..count {
        let reply = client.post("/v1/tokens").bearer(keeper).json(&named("one of many")).send().expect(201);
        let text = reply.json()["token"].as_str().unwrap().to_owned();
        match place % 3 {
            0 => drop(client.delete("/v1/tokens/self").bearer(&text).send().expect(204)),
            1 => drop(client.get("/v1/me").header("x-api-key", &text).send().expect(200)),
            _ => {}
        }
        made.push(text);
    }
    made
}

#[test]
fn ten_thousand_tokens_leave_no_trace_of_their_secrets() {
    let mut server = Server::setup().env("JETON_LOG", "trace").start();
    // Two owners: one may not have as many.
    let owners = [server.user("anna"), server.user("berta")];
    let keepers = owners.each_ref().map(|owner| server.token(owner));
    let tokens: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|worker| {
                let (client, keeper) = (server.client(), &keepers[worker % 2]);
                scope.spawn(move || issue(client, keeper, TOKENS / CONNECTIONS))
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(tokens.len(), TOKENS);

    let mut runs = Runs::default();
    for text in tokens.iter().chain(&keepers) {
        let secret = token::Wire::read(text).secret;
        runs.add("a token's digits", secret.as_bytes());
        runs.add("a token's bytes", &secret_bytes(&secret));
    }
    for text in tokens.iter().take(300) {
        let secret = token::Wire::read(text).secret;
        runs.add_disguised("a token's digits, disguised", secret.as_bytes());
        runs.add_disguised("a token's bytes, disguised", &secret_bytes(&secret));
    }
    for owner in &owners {
        runs.add_disguised("a password", owner.password.as_bytes());
    }
    runs.add_disguised("the control secret", &server.secret().as_bytes()[4..]);

    errors_hold_none(&server, &tokens[..200], &runs);
    holds_none(&server, &runs, "while it runs");
    let wal = server.data().join("jeton.db-wal");
    assert!(fs::metadata(&wal).is_ok_and(|meta| meta.len() > 0), "the WAL was there to be scanned");
    server.stop();
    holds_none(&server, &runs, "after it stopped");
    assert!(server.log().contains("listening"), "there is a log to scan");

    // What shows that the scan sees what it looks for.
    let planted = server.data().join("planted");
    fs::write(&planted, format!("before {} after", &tokens[7][30..30 + RUN])).unwrap();
    assert!(contents(&server.data()).iter().any(|(_, bytes)| runs.find(bytes).is_some()));
}

/// What the process has in memory, as far as it was its own to write.
fn memory(server: &Server) -> Vec<Vec<u8>> {
    let proc = format!("/proc/{}", server.pid());
    let all = fs::File::open(format!("{proc}/mem")).unwrap();
    let maps = fs::read_to_string(format!("{proc}/maps")).unwrap();
    let written = maps.lines().filter(|line| line.contains(" rw"));
    let spans = written.map(|line| {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        [from, to].map(|end| u64::from_str_radix(end, 16).unwrap())
    });
    spans
        .map(|[from, to]| {
            let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
            // What was given back meanwhile can't be read, and holds nothing.
            let read = all.read_at(&mut bytes, from).unwrap_or(0);
            bytes.truncate(read);
            bytes
        })
        .collect()
}

#[test]
fn no_token_stays_in_memory_once_its_connection_is_closed() {
    let server = Server::start();
    let asker = server.token_with(&server.administrator("root"), &["--privilege", "jeton:introspect"]);
    let anna = server.user("anna");
    let keeper = server.token(&anna);
    let tokens = issue(server.client(), &keeper, 300);
    let mut runs = Runs::default();
    for text in &tokens {
        runs.add("a token", token::Wire::read(text).secret.as_bytes());
    }
    let in_memory = || memory(&server).iter().any(|bytes| runs.find(bytes).is_some());
    // All at a time, so that no room is used again: by Rocket, in a body, and where a request arrives.
    let mut clients: Vec<Client> = tokens.iter().map(|_| server.client()).collect();
    for ((place, text), client) in tokens.iter().enumerate().zip(&mut clients) {
        match place % 3 {
            0 => client.get("/v1/tokens?limit=1").bearer(text).send(),
            1 => client.post("/oauth/introspect").bearer(&asker).form(&format!("token={text}")).send(),
            _ => client.get("/v1/tokens/self").bearer(text).send(),
        };
    }
    assert!(in_memory(), "the scan sees what it looks for");
    drop(clients);
    let end = Instant::now() + Duration::from_secs(20);
    while in_memory() {
        assert!(Instant::now() < end, "a token is still in memory");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Asserts that no file of the server holds any of these.
#[track_caller]
pub fn holds_none(server: &Server, runs: &Runs, when: &str) {
    for (path, bytes) in contents(server.home()) {
        // The control secret lives in its own file; nothing else may.
        let own = path.ends_with("control.json");
        let found = runs.find(&bytes).filter(|(_, what)| !(own && what.starts_with("the control")));
        assert_eq!(found, None, "{when}, in {}", path.display());
    }
}

/// Presents whole and misspelt tokens where they are wrong, and scans what is said about it.
fn errors_hold_none(server: &Server, tokens: &[String], runs: &Runs) {
    let mut client = server.client();
    for text in tokens {
        let misspelt = token::altered(text, 74);
        let wrong = token::resealed(&token::altered(text, 69));
        for reply in [
            client.get("/v1/tokens/self").bearer(&misspelt).send(),
            client.get("/v1/tokens/self").header("x-api-key", &wrong).send(),
            client.get("/v1/tokens/self").basic(text, &misspelt).send(),
            client.get(&format!("/v1/tokens/{text}")).bearer(&wrong).send(),
            client.get(&format!("/v1/me?token={text}")).send(),
            client.get(&format!("/{text}")).send(),
            client.post("/v1/tokens").text("application/json", format!("{{\"name\":\"{text}")).send(),
            client.post("/oauth/introspect").bearer(&wrong).form(&format!("token={text}")).send(),
        ] {
            assert!(reply.status >= 400, "{}", reply.text());
            assert_eq!(runs.find(&reply.body), None, "in a reply's body");
            for (name, value) in &reply.headers {
                assert_eq!(runs.find(value.as_bytes()), None, "in {name}");
            }
        }
    }
}

/// The 32 bytes that 43 digits of base 62 stand for.
pub fn secret_bytes(digits: &str) -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    for digit in digits.bytes() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            _ => digit - b'a' + 36,
        };
        let mut carry = u32::from(value);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 62;
            *byte = u8::try_from(carry & 0xff).expect("one byte of it");
            carry >>= 8;
        }
        assert_eq!(carry, 0, "43 digits of at most 256 bits");
    }
    bytes
}
