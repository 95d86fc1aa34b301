//! What a start without any user does: an administrator for a person at a terminal, a line in the log for anybody else.

use std::io::{self, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::cli::client::Client;
use crate::cli::user;
use crate::core::secret::{Entropy, random};
use crate::ops::data_dir::{DataDir, quote};

const NAME: &str = "admin";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Groups of five base62 digits: 24 digits would be 143 bits, these 20 are 119.
const GROUPS: usize = 4;
const GROUP: usize = 5;

/// Sees to it that somebody can sign in, where there is no user at all. `url` is where the server will listen.
pub async fn welcome(
    api: &Client,
    entropy: &dyn Entropy,
    data_dir: &DataDir,
    url: &str,
) -> anyhow::Result<()> {
    if !io::stderr().is_terminal() {
        let directory = quote(data_dir.path().as_os_str());
        tracing::warn!("there is no user yet: run `jeton user add NAME --admin --data-dir {directory}`");
        return Ok(());
    }
    let password = generate(entropy);
    user::add_administrator(api, NAME, &password).await?;
    // Straight to the terminal and past the log, which may be kept.
    io::stderr().lock().write_all(greeting(&password, url).as_bytes())?;
    Ok(())
}

/// A password such as `k3Jx9-Qa2Lm-0ZvTe-8YrWd`.
fn generate(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut password = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    let mut digits = 0;
    while digits < GROUPS * GROUP {
        let [byte] = random::<1>(entropy);
        // 248 = 4 * 62: above it the first digits would come up more often.
        if byte >= 248 {
            continue;
        }
        if digits > 0 && digits % GROUP == 0 {
            password.push('-');
        }
        password.push(char::from(DIGITS[usize::from(byte) % DIGITS.len()]));
        digits += 1;
    }
    password
}

fn greeting(password: &str, url: &str) -> Zeroizing<String> {
    let target = match url.strip_prefix("unix:") {
        Some(path) => format!("--unix-socket {} http://localhost/v1/tokens", quote(path.as_ref())),
        None => format!("{url}/v1/tokens"),
    };
    Zeroizing::new(format!(
        "\nFirst start: there is now an administrator, with a password that is shown only here.\n\n    \
         username  {NAME}\n    password  {password}\n\nIssue a first token with\n\n    \
         curl -u {NAME}:{password} -H 'Content-Type: application/json' -d '{{\"name\":\"first\"}}' {target}\n\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::entropy::Entropy as Source;

    #[test]
    fn a_password_is_long_in_groups_and_new_each_time() {
        let one = generate(&Source::system());
        assert_eq!(one.len(), 23);
        assert!(
            one.split('-').all(|group| group.len() == 5 && group.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
        assert_ne!(one, generate(&Source::system()));
    }

    #[test]
    fn bytes_that_would_favour_some_digits_are_passed_over() {
        let next = std::sync::atomic::AtomicU8::new(240);
        let source = Source::from_source(move |bytes| {
            bytes[0] = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        assert_eq!(*generate(&source), "stuvw-xyz01-23456-789AB");
    }

    #[test]
    fn the_line_to_paste_suits_the_socket() {
        assert!(greeting("p", "http://127.0.0.1:1").contains("http://127.0.0.1:1/v1/tokens\n"));
        assert!(
            greeting("p", "unix:/run/a b").contains("--unix-socket '/run/a b' http://localhost/v1/tokens\n")
        );
    }
}
