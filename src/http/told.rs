//! What may be told of a failure, whichever API tells it: never a word of what was sent, nor of what broke.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
};

use super::reply::Reply;
use crate::core::refusal::{Failure, Refusal};

/// Numbers the failures that are nobody's fault but ours, so that a reply and its line in the log find each other.
static BROKEN: AtomicU64 = AtomicU64::new(1);

/// A failure in words for a client.
pub(super) struct Told {
    /// The stable word for it.
    pub(super) code: &'static str,
    /// A sentence, the field's name before it where it is about one.
    pub(super) detail: String,
    /// The field that is wrong, and what is wrong with it.
    pub(super) field: Option<(Cow<'static, str>, String)>,
    /// The number that the log has for it, where jeton itself failed.
    pub(super) incident: Option<u64>,
}

impl Told {
    /// Tells of a failure; logs what broke, so it is to be called once for each.
    pub(super) fn of(failure: &Failure) -> Self {
        let told = |code, detail| Self { code, detail, field: None, incident: None };
        match failure {
            Failure::Refused(refusal) => {
                Self { field: field(refusal), ..told(refusal.code(), refusal.to_string()) }
            }
            Failure::Busy => told("busy", failure.to_string()),
            Failure::StorageFull => told("storage_full", failure.to_string()),
            Failure::Broken(cause) => {
                let incident = BROKEN.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%cause, incident, "a request failed");
                let detail = "jeton failed; its log says why".to_owned();
                Self { incident: Some(incident), ..told("internal", detail) }
            }
        }
    }
}

fn field(refusal: &Refusal) -> Option<(Cow<'static, str>, String)> {
    let (field, problem): (Cow<'static, str>, String) = match refusal {
        Refusal::Invalid { field, problem } => (field.clone(), problem.clone()),
        Refusal::Taken { field } => ((*field).into(), "already taken".into()),
        Refusal::WiderThanMinter { field } => ((*field).into(), "wider than the token that mints it".into()),
        Refusal::FilterTooBroad { filter } => {
            (filter.clone().into(), "too many rows would have to be looked at".into())
        }
        Refusal::PrivilegeNotHeld { privilege } => {
            ("privileges".into(), format!("{privilege} isn't held by the credential that asks for it"))
        }
        _ => return None,
    };
    Some((field, problem))
}

/// A text with no character that a challenge, or OAuth's `error_description`, has no room for (RFC 6750, 3; RFC 6749,
/// 5.2).
pub(super) fn plain(text: &str) -> String {
    let fitting = |letter| match letter {
        '"' | '\\' => '\'',
        ' '..='~' => letter,
        _ => '?',
    };
    text.chars().map(fitting).collect()
}

/// The challenge (RFC 6750, 3) that goes along with a refusal, where one does.
fn challenge(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        // RFC 6750, 3.1: no error code where no credential came.
        Refusal::CredentialMissing | Refusal::SessionEnded | Refusal::TokenRequired => {
            r#"Bearer realm="jeton""#.to_owned()
        }
        Refusal::BasicRequired => r#"Basic realm="jeton""#.to_owned(),
        Refusal::CredentialInvalid | Refusal::TokenDead(_) => {
            let description = plain(&refusal.to_string());
            format!(r#"Bearer realm="jeton", error="invalid_token", error_description="{description}""#)
        }
        Refusal::PrivilegeMissing { needed } => {
            format!(r#"Bearer realm="jeton", error="insufficient_scope", scope="{needed}""#)
        }
        // No scope would do: another token would, or the same one elsewhere.
        Refusal::TokenRestricted
        | Refusal::OrganizationForeign
        | Refusal::ModuleMissing { .. }
        | Refusal::NetworkDenied(_)
        | Refusal::RouteDenied => r#"Bearer realm="jeton", error="insufficient_scope""#.to_owned(),
        _ => return None,
    })
}

impl Reply {
    /// With the headers that a failure calls for: challenges (RFC 6750, 3), `Retry-After`, `Allow`.
    #[must_use]
    pub(super) fn because_of(self, failure: &Failure) -> Self {
        let refusal = match failure {
            Failure::Busy => return self.header("Retry-After", "1"),
            Failure::StorageFull | Failure::Broken(_) => return self,
            Failure::Refused(refusal) => refusal,
        };
        match refusal {
            Refusal::Throttled { retry_after, .. } | Refusal::RateExceeded { retry_after, .. } => {
                self.header("Retry-After", retry_after.to_string())
            }
            Refusal::MethodNotAllowed { allow } => self.header("Allow", allow.clone()),
            _ => match challenge(refusal) {
                Some(challenge) => self.header("WWW-Authenticate", challenge),
                None => self,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_plain_text_holds_what_a_quoted_one_may_hold_and_nothing_else() {
        assert_eq!(plain("the token isn't valid: [a]~ {b}!"), "the token isn't valid: [a]~ {b}!");
        assert_eq!(plain("a \"b\" \\ \r\n\t\u{2026}\u{e9}\u{7f}"), "a 'b' ' ??????");
    }
}
