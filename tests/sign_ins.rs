//! A name that is nobody's, one whose user is disabled, and a wrong password: they take the same time.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Server, campaign};

/// How often one name is guessed at: as often as is free.
const FREE: usize = 5;

/// The three kinds of names, and how long each refusal took.
#[derive(Default)]
struct Arms {
    known: Vec<Duration>,
    unknown: Vec<Duration>,
    disabled: Vec<Duration>,
}

/// Makes as many users as are needed for `tries` at each kind, and tries them in turn; every answer must be 401.
fn measure(server: &Server, batch: u8, tries: usize) -> Arms {
    let mut client = server.client();
    for number in 0..tries.div_ceil(FREE) {
        for kind in ["known", "disabled"] {
            let name = format!("{kind}-{batch}-{number}");
            let body = json!({ "username": name, "password": "a walk of a crooked mile" });
            client.post("/v1/users").bearer(server.secret()).json(&body).send().expect(201);
            if kind == "disabled" {
                let path = format!("/v1/users/{name}/disable");
                client.post(&path).bearer(server.secret()).send().expect(200);
            }
        }
    }
    let mut arms = Arms::default();
    for round in 0..tries {
        for turn in 0..3 {
            // In another order each time, so that what comes after what weighs on all alike.
            let kind = ["known", "unknown", "disabled"][(round + turn * (1 + round / 3 % 2)) % 3];
            let name = format!("{kind}-{batch}-{}", round / FREE);
            // From another address now and then, so that no throttle speaks.
            let from =
                [127, u8::try_from(round / 2_500).unwrap(), u8::try_from(round / 10 % 250).unwrap(), batch];
            let mut client = server.client().from(from);
            client.connect().unwrap();
            let start = Instant::now();
            let reply = client.get("/v1/me").basic(&name, "not the password at all").send();
            let took = start.elapsed();
            reply.expect(401);
            match kind {
                "known" => arms.known.push(took),
                "unknown" => arms.unknown.push(took),
                _ => arms.disabled.push(took),
            }
        }
    }
    arms
}

/// Mann and Whitney's statistic as standard deviations from what equal distributions give: with 3,000 of each, a shift
/// of a tenth of a standard deviation gives 3.8.
pub fn apart(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<_> = one.iter().map(|took| (took, true)).collect();
    all.extend(other.iter().map(|took| (took, false)));
    all.sort();
    let ranks = all.iter().enumerate().filter(|(_, (_, of_one))| *of_one).map(|(rank, _)| count(rank + 1));
    let (n, m) = (count(one.len()), count(other.len()));
    let wins = ranks.sum::<f64>() - n * (n + 1.0) / 2.0;
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a few thousand"))
}

/// The middle one, in seconds.
pub fn median(arm: &[Duration]) -> f64 {
    let mut sorted = arm.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2].as_secs_f64()
}

/// Beyond this many standard deviations two arms are held to differ: one in a hundred does by chance.
pub const ALPHA_1_PERCENT: f64 = 2.576;

#[test]
fn unknown_disabled_and_wrong_cost_the_same() {
    crate::harness::alone();
    let server = Server::start();
    let tries = campaign(20, 3_000);
    let mut verdicts = Vec::new();
    // What differs by chance doesn't differ again.
    for batch in [11, 12, 13] {
        let Arms { known, unknown, disabled } = measure(&server, batch, tries);
        for other in [&unknown, &disabled] {
            // A path without its hash would be a tenth of one with it.
            let ratio = median(other) / median(&known);
            assert!((0.6..1.67).contains(&ratio), "{ratio}: known {:?} s", median(&known));
        }
        let [of_unknown, of_disabled] = [apart(&known, &unknown), apart(&known, &disabled)];
        let medians = [&known, &unknown, &disabled].map(|arm| median(arm));
        verdicts.push(format!(
            "{tries} of each: unknown {of_unknown:.2}, disabled {of_disabled:.2} standard deviations from known; \
             medians {medians:?} s"
        ));
        if of_unknown.abs() < ALPHA_1_PERCENT && of_disabled.abs() < ALPHA_1_PERCENT {
            eprintln!("{}", verdicts.join("\n"));
            return;
        }
    }
    panic!("they differ each time:\n{}", verdicts.join("\n"));
}

#[test]
fn the_comparison_sees_a_tenth_of_a_standard_deviation() {
    // Two samples that are nowhere equal by chance: the same spread, one moved by a tenth of its deviation.
    let spread: Vec<_> = (0..3_000_u64).map(|at| at * 7_919 % 3_000).collect();
    let times =
        |shift: u64| spread.iter().map(|at| Duration::from_micros(1_000 + at + shift)).collect::<Vec<_>>();
    // A uniform distribution of 3,000 deviates by 866.
    assert!(apart(&times(0), &times(87)).abs() > ALPHA_1_PERCENT);
    assert!(apart(&times(0), &times(1)).abs() < 0.1);
}
