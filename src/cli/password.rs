//! Secrets come from standard input or a prompt that shows nothing, never from an argument.

use std::io::{self, IsTerminal as _, Read};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::cli::failure::Usage;
use crate::ops::sealed_backup::SHORTEST;

/// More than any password or token that is accepted.
const LIMIT: usize = 8 * 1024;

/// A password: from standard input when that is asked for, otherwise typed twice.
pub fn new_password(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    twice(&PASSWORD, from_stdin)
}

/// A passphrase, likewise. It has to be long enough for what anybody can try on as often as they like.
pub fn new_passphrase(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    let passphrase = twice(&PASSPHRASE, from_stdin)?;
    let length = passphrase.chars().count();
    anyhow::ensure!(
        length >= SHORTEST,
        "the passphrase has {length} characters: it needs {SHORTEST} at least, since whoever has the file can guess"
    );
    Ok(passphrase)
}

/// The passphrase of a file that is there: typed once.
pub fn passphrase(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin { Ok(read_line(io::stdin().lock())?) } else { PASSPHRASE.ask(PASSPHRASE.prompt) }
}

/// What is asked for.
struct Asked {
    name: &'static str,
    prompt: &'static str,
    flag: &'static str,
}

const PASSWORD: Asked = Asked { name: "password", prompt: "Password: ", flag: "--password-stdin" };
const PASSPHRASE: Asked = Asked { name: "passphrase", prompt: "Passphrase: ", flag: "--passphrase-stdin" };

impl Asked {
    fn ask(&self, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
        let Self { name, flag, .. } = self;
        if !io::stdin().is_terminal() {
            return Err(Usage(format!("there is no terminal to ask on: give {flag}")).into());
        }
        let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
        typed.with_context(|| format!("can't ask for the {name}"))
    }
}

fn twice(asked: &Asked, from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        return Ok(read_line(io::stdin().lock())?);
    }
    let first = asked.ask(asked.prompt)?;
    anyhow::ensure!(*first == *asked.ask("Once more: ")?, "the two {}s differ", asked.name);
    Ok(first)
}

/// All of `input` as text, without one newline at its end.
pub fn read_line(input: impl Read) -> io::Result<Zeroizing<String>> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    // Room for all of it at once: a growing buffer would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    input.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LIMIT {
        return Err(invalid("standard input holds more than 8 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| invalid("standard input isn't UTF-8"))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, read_line};

    #[test]
    fn one_newline_is_trimmed_and_nothing_else() {
        for (input, read) in [("a b \n", "a b "), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x"), ("", "")] {
            assert_eq!(*read_line(input.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn what_is_too_long_or_not_text_is_refused() {
        assert!(read_line(&vec![b'a'; LIMIT][..]).is_ok());
        assert!(read_line(&vec![b'a'; LIMIT + 1][..]).is_err());
        assert!(read_line(&b"\xff"[..]).is_err());
    }
}
