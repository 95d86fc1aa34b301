//! What the database and its keys say of themselves.

use std::{
    error::Error,
    time::{SystemTime, UNIX_EPOCH},
};

use super::Finding;
use crate::{
    core::{
        keys::Keyring,
        time::{DAY, Instant},
    },
    ops::data_dir::{DATABASE, DataDir},
    store::{Examination, OpenError, VERSION},
};

/// How far behind what was seen the clock may be, in milliseconds: a server's own is read later than ours.
const BEHIND: i64 = 60_000;

/// A week, in milliseconds.
const WEEK: i64 = 7 * DAY;

pub(super) fn findings(data_dir: &DataDir, deep: bool) -> Vec<Finding> {
    let keys = data_dir.look_at_pepper().map(|pepper| Keyring::new(&pepper));
    if data_dir.has_database().is_ok_and(|(is_there, _)| !is_there) {
        return vec![Finding::bad(
            "schema",
            format!(
                "there is no database: start the server, or put back {}",
                data_dir.file(DATABASE).display()
            ),
        )];
    }
    let examination = match Examination::open(&data_dir.file(DATABASE), data_dir.connect_control().is_ok()) {
        Ok(examination) => examination,
        Err(error) => return vec![Finding::bad("integrity", causes(&error))],
    };
    let keyring = keys.as_ref().ok().filter(|keys| examination.fits(keys).is_ok());
    let mut findings = vec![match &keys {
        Err(error) => Finding::bad("pepper", causes(error)),
        Ok(keys) => pepper(&examination, keys),
    }];
    findings.push(schema(&examination));
    findings.push(integrity(&examination, deep));
    findings.push(match keyring {
        Some(keys) => events(&examination, keys, deep),
        None => Finding::warn("events", "they can't be verified without the right pepper"),
    });
    let now = now();
    findings.push(clock(&examination, now));
    findings.push(expiry(&examination, now));
    findings
}

/// An error with what caused it, in one sentence.
fn causes(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        sentence = format!("{sentence}: {deeper}");
        cause = deeper.source();
    }
    sentence
}

/// By the machine's own clock: the service's would hide that it is behind.
fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn pepper(examination: &Examination, keys: &Keyring) -> Finding {
    match examination.fits(keys) {
        Ok(()) => Finding::ok("pepper", "pepper.key is this database's: keep a copy of it apart"),
        Err(error) => Finding::bad("pepper", causes(&error)),
    }
}

fn schema(examination: &Examination) -> Finding {
    match examination.schema() {
        Ok(VERSION) => Finding::ok("schema", format!("it has schema {VERSION}, this binary's")),
        Ok(0) => Finding::bad("schema", "nothing was set up in jeton.db yet: start the server"),
        Ok(found) if found > VERSION => Finding::bad("schema", causes(&OpenError::Newer { found })),
        Ok(found) => {
            let says = format!("it has schema {found}; {VERSION}, this binary's, comes with the next start");
            Finding::warn("schema", says)
        }
        Err(error) => Finding::bad("schema", causes(&error)),
    }
}

fn integrity(examination: &Examination, deep: bool) -> Finding {
    match examination.problems(deep) {
        Ok(problems) if problems.is_empty() && deep => {
            Finding::ok("integrity", "the whole database is sound")
        }
        Ok(problems) if problems.is_empty() => {
            Finding::ok("integrity", "the database is sound, as far as a quick check sees")
        }
        Ok(problems) => Finding::bad(
            "integrity",
            format!("jeton.db is damaged: {}; restore it from a backup", problems.join("; ")),
        ),
        Err(error) => Finding::bad("integrity", causes(&error)),
    }
}

fn events(examination: &Examination, keys: &Keyring, deep: bool) -> Finding {
    match examination.events(keys, deep) {
        Ok((count, None)) if deep => Finding::ok("events", format!("all {count} are as they were written")),
        Ok((_, None)) => {
            Finding::ok("events", "the record ends where jeton left it; --deep verifies all of it")
        }
        Ok((_, Some(flaw))) => Finding::bad(
            "events",
            format!(
                "the record was tampered with: {flaw}; compare it with a backup and find out who could write"
            ),
        ),
        Err(error) => Finding::bad("events", causes(&error)),
    }
}

fn clock(examination: &Examination, now: Instant) -> Finding {
    let seen = match examination.seen_at() {
        Ok(seen) => seen,
        Err(error) => return Finding::bad("clock", causes(&error)),
    };
    let behind = seen.millis() - now.millis();
    if behind > BEHIND {
        let says = format!(
            "the clock is {} s behind {seen}, which this database has seen: set it right; until then jeton counts on \
             from there",
            behind / 1000
        );
        return Finding::warn("clock", says);
    }
    let by = std::path::Path::new("/run/systemd/timesync/synchronized");
    let set = if by.exists() { ", and systemd-timesyncd sets it" } else { "" };
    Finding::ok("clock", format!("it isn't behind what this database has seen{set}"))
}

fn expiry(examination: &Examination, now: Instant) -> Finding {
    let until = now.checked_add(WEEK).unwrap_or(Instant::LAST);
    let read = || Ok::<_, OpenError>((examination.standings(now)?, examination.expiring_first(now, until)?));
    match read() {
        Ok((standings, _)) if standings.expiring[0] == 0 => {
            Finding::ok("expiry", format!("none of {} active tokens expires within 7 days", standings.active))
        }
        Ok((standings, first)) => {
            let first: Vec<_> = first.iter().map(|(id, at)| format!("{id} at {at}")).collect();
            let says = format!(
                "{} of {} active tokens expire within 7 days, first {}: rotate them, or let them",
                standings.expiring[0],
                standings.active,
                first.join(", ")
            );
            Finding::warn("expiry", says)
        }
        Err(error) => Finding::bad("expiry", causes(&error)),
    }
}
