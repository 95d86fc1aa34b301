//! What the machine has to do with it: the disk, the unit, the log.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tracing::level_filters::LevelFilter;

use super::Finding;
use crate::ops::{
    config::{Config, LogFormat},
    data_dir::{DATABASE, DataDir},
    disk::Sizes,
};

const MIB: u64 = 1 << 20;

/// Less than that, in bytes, and jeton may have to refuse changes today.
const TOO_LITTLE: u64 = 128 * MIB;

/// Less than that, and it is time to make room.
const LITTLE: u64 = 1024 * MIB;

/// A write-ahead log as large as this one isn't being emptied.
const LONG: u64 = 256 * MIB;

/// Where systemd looks for units, unless its own variable names other places.
const UNITS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

const UNIT: &str = "jeton.service";

pub(super) fn disk(data_dir: &DataDir) -> Finding {
    room(Sizes::of(&data_dir.file(DATABASE)))
}

fn room(sizes: Sizes) -> Finding {
    let Sizes { database, log, free, disk } = sizes;
    let mib = |bytes: u64| bytes / MIB;
    if disk == 0 {
        return Finding::warn("disk", "how much is free can't be asked");
    }
    let left = format!("{} MiB of {} MiB are free, the database has {}", mib(free), mib(disk), mib(database));
    // A rewrite of the database, after a deletion, wants as much again.
    if free < TOO_LITTLE {
        Finding::bad("disk", format!("{left}: make room, on a full disk nothing is issued or revoked"))
    } else if free < LITTLE || free < database {
        Finding::warn("disk", format!("{left}: make room for at least {} MiB", mib(LITTLE.max(database))))
    } else if log > LONG {
        let says =
            format!("the write-ahead log has {} MiB: something reads the database and doesn't end", mib(log));
        Finding::warn("disk", says)
    } else {
        Finding::ok("disk", left)
    }
}

/// The unit that is installed, the first that systemd would find.
pub(super) fn unit(data_dir: &Path) -> Finding {
    let named = env::var_os("SYSTEMD_UNIT_PATH").filter(|paths| !paths.is_empty());
    let places: Vec<PathBuf> =
        named.map_or_else(|| UNITS.map(PathBuf::from).into(), |paths| env::split_paths(&paths).collect());
    let Some(path) = places.iter().map(|place| place.join(UNIT)).find(|path| path.exists()) else {
        return Finding::ok("unit", "none is installed: whatever starts jeton isn't systemd");
    };
    match fs::read_to_string(&path) {
        Ok(text) => judged(&path, &text, data_dir),
        Err(error) => Finding::warn("unit", format!("{} can't be read: {error}", path.display())),
    }
}

fn judged(path: &Path, text: &str, data_dir: &Path) -> Finding {
    let unit = path.display();
    let setting = |name: &str| {
        // The last one counts.
        let mut lines =
            text.lines().rev().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
        lines.next().map(str::trim)
    };
    let Some(command) = setting("ExecStart") else {
        return Finding::bad("unit", format!("{unit} has no ExecStart: install it anew"));
    };
    let mut words = command.split_whitespace();
    let binary = words.next().unwrap_or_default().trim_start_matches(['-', '@', ':', '+', '!']);
    let Ok(installed) = Path::new(binary).canonicalize() else {
        return Finding::bad("unit", format!("{unit} starts {binary}, which isn't there: correct ExecStart"));
    };
    if env::current_exe().and_then(|own| own.canonicalize()).is_ok_and(|own| own != installed) {
        let says =
            format!("{unit} starts {binary}, which is another binary than this one: ask that one's doctor");
        return Finding::warn("unit", says);
    }
    let arguments: Vec<&str> = words.collect();
    let flag = arguments.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--data-dir") {
        Some("") => arguments.get(at + 1).map(PathBuf::from),
        Some(rest) => rest.strip_prefix('=').map(PathBuf::from),
        None => None,
    });
    let state = setting("StateDirectory").and_then(|names| names.split_whitespace().next());
    let used = flag.or_else(|| state.map(|name| Path::new("/var/lib").join(name)));
    match used {
        None => Finding::warn("unit", format!("{unit} names no data directory: set StateDirectory=jeton")),
        Some(used) if used.canonicalize().unwrap_or_else(|_| used.clone()) != data_dir => Finding::warn(
            "unit",
            format!("{unit} keeps its data in {}, and this is {}", used.display(), data_dir.display()),
        ),
        Some(_) => Finding::ok("unit", format!("{unit} starts this binary on this directory")),
    }
}

/// By the settings that this command sees: the server's own environment may say otherwise.
pub(super) fn log(config: &Config) -> Finding {
    let level = config.log.unwrap_or(LevelFilter::INFO);
    if level < LevelFilter::WARN {
        let says = format!("log = {level}: warnings aren't written; set it to info");
        return Finding::warn("log", says);
    }
    match config.log_format {
        Some(LogFormat::Text) => Finding::warn(
            "log",
            "log_format = text: a journal can't be searched by field; leave it out, and it is JSON but on a terminal",
        ),
        Some(LogFormat::Json) => Finding::ok("log", format!("JSON, from {level} on")),
        None => Finding::ok("log", format!("JSON, text on a terminal, from {level} on")),
    }
}

#[cfg(test)]
mod tests {
    use super::{LITTLE, LONG, Sizes, TOO_LITTLE, room};
    use crate::cli::doctor::State;

    #[test]
    fn a_disk_is_judged_by_what_is_left() {
        let sizes = |free, database, log| Sizes { database, log, free, disk: 1 << 40 };
        for (sizes, state) in [
            (sizes(LITTLE, 0, 0), State::Ok),
            (sizes(LITTLE - 1, 0, 0), State::Warn),
            (sizes(TOO_LITTLE - 1, 0, 0), State::Bad),
            (sizes(LITTLE, LITTLE + 1, 0), State::Warn),
            (sizes(LITTLE, 0, LONG + 1), State::Warn),
            (Sizes::default(), State::Warn),
        ] {
            assert_eq!(room(sizes).state, state, "{sizes:?}");
        }
    }
}
