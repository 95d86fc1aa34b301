//! A deleted user: within a minute nothing personal stands in any file, whatever happens on the way.

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::harness::{Server, campaign, database, scan, server::Actor, wait_for};

/// What is personal about anna, in every place where something can be.
const PERSONAL: [&str; 11] = [
    "anna.surname",
    "anna@mail.example",
    "Anna-Maria",
    "Smith-Surname",
    "Frau Doktor",
    "pictures.example/anna",
    "label-of-anna",
    "words-of-anna",
    "agent-of-anna",
    "203.0.113.64/27",
    "home-of-anna.example",
];

/// Where anna's requests come from.
const HOME: [u8; 4] = [127, 3, 2, 1];

/// Each place in the data directory where something personal stands.
fn found(data: &Path) -> Vec<String> {
    let needles = PERSONAL.iter().map(ToString::to_string).chain(["127.3.2.1".to_owned()]);
    let needles: Vec<_> = needles.collect();
    let mut found = Vec::new();
    for (path, bytes) in scan::contents(data) {
        for needle in &needles {
            if bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes())) {
                found.push(format!("{needle} in {}", path.display()));
            }
        }
    }
    found
}

/// Makes anna, and berta beside her, with `tokens` each that were used and relabelled; and refused sign-ins to both.
fn stage(server: &Server, tokens: usize) -> Actor {
    let body = json!({
        "username": "anna.surname", "password": "a walk of a crooked mile", "email": "anna@mail.example",
        "first_name": "Anna-Maria", "last_name": "Smith-Surname", "title": "Frau Doktor",
        "image": "https://pictures.example/anna.png", "privileges": ["*:*"], "may_issue": true,
    });
    server.client().post("/v1/users").bearer(server.secret()).json(&body).send().expect(201);
    let anna = Actor { name: "anna.surname".into(), password: "a walk of a crooked mile".into() };
    let berta = server.user("berta");
    let (of_anna, of_berta) = (server.token(&anna), server.token(&berta));
    std::thread::scope(|scope| {
        for (keeper, whose, from) in [(&of_anna, "of-anna", HOME), (&of_berta, "of-berta", [127, 0, 0, 1])] {
            scope.spawn(move || {
                let mut client = server.client().from(from);
                let agent = format!("agent-{whose}");
                if whose == "of-anna" {
                    // Where somebody works from, and on what.
                    let limits = json!({
                        "networks": { "allow": ["203.0.113.64/27"] }, "routes": ["GET home-of-anna.example/*"],
                        "uses": 10, "rate": "10/s",
                    });
                    let body = json!({ "name": "at home", "limits": limits });
                    client.post("/v1/tokens").bearer(keeper).json(&body).send().expect(201);
                }
                for number in 0..tokens {
                    let name = format!("label-{whose}").repeat(1 + number % 6);
                    let body = json!({ "name": name, "description": format!("words-{whose}") });
                    let made = client.post("/v1/tokens").bearer(keeper).json(&body).send().expect(201).json();
                    let token = made["token"].as_str().unwrap();
                    let used = client.get("/v1/tokens/self").bearer(token).header("User-Agent", &agent);
                    used.send().expect(200);
                    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap());
                    match number % 3 {
                        0 => {
                            let body = json!({ "name": format!("new label-{whose} {number}") });
                            let request = client.patch(&path).bearer(keeper).header("If-Match", "*");
                            request.json(&body).send().expect(200);
                        }
                        1 => {
                            client.delete(&path).bearer(keeper).send().expect(204);
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    for (name, from) in [("anna.surname", HOME), ("berta", [127, 0, 0, 1])] {
        let mut client = server.client().from(from);
        client.get("/v1/me").basic(name, "not the password at all").send().expect(401);
    }
    anna
}

fn delete(server: &Server) {
    let mut client = server.client();
    client.delete("/v1/users/anna.surname").bearer(server.secret()).send().expect(204);
}

/// Whether the deletion is done with.
fn is_erased(server: &Server) -> bool {
    let connection = database::open(&server.data());
    let sql = "SELECT count(*) FROM users WHERE deleted_at IS NOT NULL AND erased_at IS NULL";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() == 0
}

fn wait_until_erased(server: &Server) {
    wait_for("the user to be erased", Duration::from_mins(1), || is_erased(server).then_some(()));
}

/// What must be so once a user is erased.
fn assert_gone(server: &Server) {
    assert_eq!(found(&server.data()), Vec::<String>::new());
    let verdict = server.run(&["events", "verify"]);
    assert!(verdict.done().starts_with("sound: "));
    let connection = database::open(&server.data());
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM events WHERE deed = 'user.erased'"), 1);
    assert!(number("SELECT count(*) FROM tokens WHERE name LIKE '%label-of-berta%'") > 0, "others' stay");
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    for (index, table, column) in [("token_words", "tokens", "name"), ("user_words", "users", "username")] {
        // Every trigram in the index is one of a name that stands in the table.
        connection
            .execute_batch(&format!(
                "CREATE VIRTUAL TABLE temp.v_{index} USING fts5vocab (main, {index}, row)"
            ))
            .unwrap();
        let mut statement = connection.prepare(&format!("SELECT term FROM temp.v_{index}")).unwrap();
        let terms: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let sql = format!("SELECT lower(group_concat({column}, ' ')) FROM {table}");
        let names: String = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        for term in terms {
            assert!(names.contains(&term), "{term:?} is in {index} and in no name");
        }
    }
}

#[test]
fn nothing_personal_is_left_a_minute_after_a_deletion() {
    let server = Server::start();
    let anna = stage(&server, campaign(60, 1_000));
    let keeper = server.token(&anna);
    assert!(found(&server.data()).len() >= PERSONAL.len(), "the scan sees what is there");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Who uses a token to the last is in memory still when the rows are blanked.
        scope.spawn(|| {
            let mut client = server.client().from(HOME);
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let request = client.get("/v1/tokens/self").bearer(&keeper);
                let _ = request.header("User-Agent", "agent-of-anna").send();
            }
        });
        delete(&server);
        assert!(!server.accepts(&keeper), "dead at once");
        wait_until_erased(&server);
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_gone(&server);
    // Nor does it come back with what was gathered.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(found(&server.data()), Vec::<String>::new());
    assert_eq!(server.client().get("/v1/users/anna.surname").bearer(server.secret()).send().status, 404);
}

#[test]
fn a_kill_on_the_way_puts_it_off_and_no_more() {
    let mut server = Server::start();
    stage(&server, campaign(60, 600));
    delete(&server);
    for round in 0..campaign(4, 30) {
        std::thread::sleep(Duration::from_millis(round as u64 * 37 % 250));
        server.kill();
        server.launch();
    }
    wait_until_erased(&server);
    assert_gone(&server);
}

#[test]
fn a_deletion_without_a_server_leaves_nothing() {
    let mut server = Server::start();
    stage(&server, 20);
    server.stop();
    server.run(&["user", "delete", "anna.surname"]).done();
    assert_eq!(found(&server.data()), Vec::<String>::new());
    assert!(is_erased(&server));
    assert_gone(&server);
}

#[test]
fn a_name_that_is_free_again_is_somebody_elses() {
    let server = Server::start();
    stage(&server, 5);
    delete(&server);
    let body = json!({ "username": "anna.surname", "password": "another crooked mile", "email": "new@mail.example" });
    server.client().post("/v1/users").bearer(server.secret()).json(&body).send().expect(201);
    wait_until_erased(&server);
    let shown = server.client().get("/v1/users/anna.surname").bearer(server.secret()).send().expect(200);
    assert_eq!(shown.json()["email"], "new@mail.example");
    assert!(!found(&server.data()).iter().any(|place| place.starts_with("anna@mail.example")));
}
