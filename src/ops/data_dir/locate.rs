//! Where the data directory is when nobody says, and what to run when it is somebody else's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::DataDirError;

/// Where packages keep it.
pub(super) const SYSTEM: &str = "/var/lib/jeton";
/// Where a server that was just tried out keeps it.
pub(super) const LOCAL: &str = "jeton-data";

/// For `serve`: as named, else systemd's, else `./jeton-data`.
pub fn for_serve(named: Option<PathBuf>, state_directory: Option<OsString>) -> PathBuf {
    // systemd joins several by colons; the unit's first is ours.
    let first = |all: OsString| {
        let all = all.into_string().ok()?;
        all.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
    };
    named.or_else(|| state_directory.and_then(first)).unwrap_or_else(|| PathBuf::from(LOCAL))
}

/// For every other command: as named, else the first usual place that exists.
pub fn for_command(named: Option<PathBuf>) -> Result<PathBuf, DataDirError> {
    if let Some(named) = named {
        return Ok(named);
    }
    let usual = [SYSTEM, LOCAL].into_iter().map(PathBuf::from).find(|path| path.symlink_metadata().is_ok());
    usual.ok_or(DataDirError::Nowhere)
}

/// The refusal of somebody who isn't the owner. Root is refused too: what it writes, the owner could not read.
pub(super) fn not_owner(path: &Path, uid: u32) -> DataDirError {
    let name = user_name(uid);
    let line = sudo_line(name.as_deref().unwrap_or(&format!("#{uid}")), std::env::args_os(), path);
    let owner = name.unwrap_or_else(|| format!("uid {uid}"));
    DataDirError::NotOwner { path: path.to_owned(), owner, line }
}

/// The command as it was typed, run as `owner`. sudo drops variables, so a directory that wasn't named is named.
fn sudo_line(owner: &str, arguments: impl Iterator<Item = OsString>, path: &Path) -> String {
    let mut line = format!("sudo -u {}", quote(OsStr::new(owner)));
    let mut named = false;
    for argument in arguments {
        named |= argument.to_string_lossy().starts_with("--data-dir");
        line = format!("{line} {}", quote(&argument));
    }
    if named { line } else { format!("{line} --data-dir {}", quote(path.as_os_str())) }
}

/// A word for a POSIX shell.
pub fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The name of a user of this machine. Directories such as LDAP aren't asked; sudo takes `#uid` too.
fn user_name(uid: u32) -> Option<String> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serve_prefers_what_is_named_then_systemd() {
        let named = for_serve(Some("/n".into()), Some("/s".into()));
        assert_eq!(named, PathBuf::from("/n"));
        assert_eq!(for_serve(None, Some("/s:/t".into())), PathBuf::from("/s"));
        assert_eq!(for_serve(None, Some(OsString::new())), PathBuf::from(LOCAL));
        assert_eq!(for_serve(None, None), PathBuf::from(LOCAL));
    }

    #[test]
    fn the_sudo_line_repeats_what_was_typed() {
        let line = |arguments: &[&str]| {
            sudo_line("jeton", arguments.iter().map(OsString::from), Path::new("/var/lib/jeton"))
        };
        assert_eq!(
            line(&["jeton", "user", "add", "O'Neil x", "--data-dir", "/d"]),
            r"sudo -u jeton jeton user add 'O'\''Neil x' --data-dir /d"
        );
        assert_eq!(
            line(&["jeton", "user", "list"]),
            "sudo -u jeton jeton user list --data-dir /var/lib/jeton"
        );
        assert_eq!(line(&["./jeton", "serve", "--data-dir=x"]), "sudo -u jeton ./jeton serve --data-dir=x");
    }

    #[test]
    fn users_have_names() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(user_name(u32::MAX - 7), None);
        assert_eq!(quote(OsStr::new("#1234")), "'#1234'");
    }
}
