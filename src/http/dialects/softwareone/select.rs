//! `select`: which members of an object are sent.

use crate::core::refusal::Refusal;

/// Every member that can be chosen, the outer ones by those that are in them.
const MEMBERS: [&str; 20] = [
    "id",
    "href",
    "name",
    "description",
    "icon",
    "status",
    "account.id",
    "account.name",
    "account.type",
    "account.status",
    "account.icon",
    "modules.id",
    "modules.name",
    "modules.description",
    "token",
    "lastAccessAt",
    "audit.created.at",
    "audit.created.by",
    "audit.updated.at",
    "audit.updated.by",
];

/// Those members that are sent.
#[derive(Clone, Debug)]
pub(super) struct Selection(Vec<&'static str>);

impl Default for Selection {
    /// All but `audit`.
    fn default() -> Self {
        Self(MEMBERS.into_iter().filter(|member| !is_in(member, "audit")).collect())
    }
}

/// Whether a member is this one or in it.
fn is_in(member: &str, path: &str) -> bool {
    member.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Selection {
    /// Reads `+audit,-name`, one after the other: a `+` or nothing adds, a `-` leaves out, `*` is everything. `id` always
    /// stays.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut selection = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let left_out = item.strip_prefix('-');
            let path = left_out.or_else(|| item.strip_prefix('+')).unwrap_or(item);
            let meant = |member: &&'static str| path == "*" || is_in(member, path);
            if !MEMBERS.iter().any(meant) {
                let known = MEMBERS.join(", ");
                return Err(Refusal::invalid("select", format!("an unknown member: this takes {known}")));
            }
            let before = std::mem::take(&mut selection.0);
            let stays = |member: &&'static str| {
                *member == "id" || if meant(member) { left_out.is_none() } else { before.contains(member) }
            };
            selection.0 = MEMBERS.into_iter().filter(stays).collect();
        }
        Ok(selection)
    }

    /// Whether a member, or anything in it, is sent.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|member| is_in(member, path))
    }

    /// What isn't sent, the outermost name for all that is in it.
    pub(super) fn omitted(&self) -> Vec<&'static str> {
        let mut omitted = Vec::new();
        for member in MEMBERS.into_iter().filter(|member| !self.has(member)) {
            let ends = member.match_indices('.').map(|(at, _)| at).chain([member.len()]);
            let outermost = ends.map(|end| &member[..end]).find(|path| !self.has(path));
            omitted.extend(outermost.filter(|path| !omitted.contains(path)));
        }
        omitted
    }
}

#[cfg(test)]
mod tests {
    use super::{MEMBERS, Selection};

    #[test]
    fn what_is_left_out_is_named_by_its_outermost_name() {
        for (select, omitted) in [
            ("", &["audit"][..]),
            (",", &["audit"]),
            ("+audit", &[]),
            ("audit", &[]),
            ("*", &[]),
            ("+audit,-name", &["name"]),
            ("-audit", &["audit"]),
            ("-account.name", &["account.name", "audit"]),
            ("-account", &["account", "audit"]),
            (
                "-account,+account.id",
                &["account.name", "account.type", "account.status", "account.icon", "audit"],
            ),
            ("+audit.created", &["audit.updated"]),
            ("+audit.created.at", &["audit.created.by", "audit.updated"]),
            ("-modules.description, -token", &["modules.description", "token", "audit"]),
            ("-id", &["audit"]),
        ] {
            let selection = Selection::parse(select).expect(select);
            assert_eq!(selection.omitted(), omitted, "{select}");
            assert!(selection.has("id"), "{select}");
        }
    }

    #[test]
    fn all_can_be_left_out_but_the_id() {
        let selection = Selection::parse("-*").expect("known");
        assert_eq!(MEMBERS.iter().filter(|member| selection.has(member)).count(), 1);
        let selection = Selection::parse("-*,+id,+name").expect("known");
        assert!(selection.has("name") && !selection.has("status"));
    }

    #[test]
    fn an_unknown_member_is_refused_and_not_repeated() {
        for text in
            ["canary", "+names", "-account.names", "audit.created.at.x", "name.", "+", "-", "--name", "n"]
        {
            let refusal = Selection::parse(text).expect_err(text);
            assert!(refusal.to_string().starts_with("select: "), "{text}");
            assert!(!refusal.to_string().contains("canary"));
        }
    }
}
