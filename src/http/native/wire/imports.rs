//! Imports on the wire.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    core::{
        foreign::ForeignKind, lifetime::Lifetime, privilege::Privileges, refusal::Refusal, text,
        time::Instant,
    },
    service::import::{Fate, Foreign},
};

/// Tokens that were made elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct CreateImport {
    /// 1 to 100 of them.
    #[schema(min_items = 1, max_items = 100)]
    tokens: Vec<ImportedToken>,
    /// Whether to say what would come of it and to import nothing; so it isn't where it is absent.
    dry_run: Option<bool>,
}

/// A token that was made elsewhere.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::native) struct ImportedToken {
    /// A name for people, 1 to 200 characters.
    name: String,
    /// By username or id.
    owner: String,
    /// By slug or any id; absent for the owner's home.
    organization: Option<String>,
    /// `domain:action` each; absent for all that the owner holds and isn't reserved.
    privileges: Option<Vec<String>>,
    /// An RFC 3339 instant, or `never`; absent for the organization's default.
    expires_at: Option<String>,
    /// The digest of the token's whole text, in hexadecimal or base64.
    digest: String,
    /// `sha256` or `sha512`; absent, its length says which.
    algorithm: Option<String>,
}

impl CreateImport {
    /// The rows, each good or bad by itself, and whether nothing is to be done.
    pub(in crate::http::native) fn read(self) -> (Vec<Result<Foreign, Refusal>>, bool) {
        (self.tokens.into_iter().map(ImportedToken::read).collect(), self.dry_run.unwrap_or_default())
    }
}

impl ImportedToken {
    fn read(self) -> Result<Foreign, Refusal> {
        let kind = |word: &str| {
            ForeignKind::parse(word).ok_or_else(|| Refusal::invalid("algorithm", "sha256 or sha512"))
        };
        let kind = self.algorithm.as_deref().map(kind).transpose()?;
        let (kind, digest) = digest(kind, &self.digest).ok_or_else(|| {
            let problem = "a SHA-256 or SHA-512 of the token's text, in hexadecimal or base64";
            Refusal::invalid("digest", problem)
        })?;
        let lifetime = match self.expires_at.as_deref() {
            None => Lifetime::Default,
            Some("never") => Lifetime::parse("expires_at", "never")?,
            Some(text) => Lifetime::Until(
                Instant::parse(text)
                    .ok_or_else(|| Refusal::invalid("expires_at", "an RFC 3339 instant or never"))?,
            ),
        };
        Ok(Foreign {
            name: text::name("name", &self.name)?,
            owner: self.owner,
            organization: self.organization,
            privileges: self.privileges.map(|list| Privileges::parse(&list)).transpose()?,
            lifetime,
            kind,
            digest,
        })
    }
}

/// A digest in whichever form, and which one it is.
fn digest(kind: Option<ForeignKind>, text: &str) -> Option<(ForeignKind, Vec<u8>)> {
    let kinds = ForeignKind::ALL.into_iter().filter(|one| kind.is_none_or(|kind| kind == *one));
    kinds.into_iter().find_map(|kind| {
        let bytes = if text.len() == 2 * kind.length() { hex(text) } else { base64(text) };
        bytes.filter(|bytes| bytes.len() == kind.length()).map(|bytes| (kind, bytes))
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks(2).map(|pair| Some(digit(&pair[0])? << 4 | digit(pair.get(1)?)?)).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
    GeneralPurpose::new(&alphabet, EITHER).decode(text).ok()
}

/// What came of an import, or would.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
pub(in crate::http::native) struct ImportObject {
    /// Whether nothing was imported because nothing was to be.
    dry_run: bool,
    /// How many were imported, or would be: none where there is a problem.
    imported: usize,
    /// How many were imported before.
    already_there: usize,
    /// What each became, in their order: an id; `null` where nothing was imported.
    tokens: Vec<Option<String>>,
    /// What is wrong.
    problems: Vec<ImportProblem>,
}

/// What is wrong with a token.
#[derive(Serialize, ToSchema)]
struct ImportProblem {
    /// Which of them, from 1.
    row: usize,
    /// In which field, where it is in one.
    field: Option<String>,
    /// The refusal's code.
    code: &'static str,
    /// In words.
    detail: String,
}

impl ImportObject {
    pub(in crate::http::native) fn new(fates: Vec<Fate>, dry_run: bool) -> Self {
        let mut object =
            Self { dry_run, imported: 0, already_there: 0, tokens: Vec::new(), problems: Vec::new() };
        let good = fates.iter().all(|fate| !matches!(fate, Fate::Bad(_)));
        for (at, fate) in fates.into_iter().enumerate() {
            let id = match fate {
                Fate::Taken(id) => {
                    object.imported += usize::from(good);
                    (good && !dry_run).then_some(id)
                }
                Fate::There(id) => {
                    object.already_there += 1;
                    Some(id)
                }
                Fate::Bad(refusal) => {
                    object.problems.push(ImportProblem::new(at + 1, &refusal));
                    None
                }
            };
            object.tokens.push(id.map(|id| id.to_string()));
        }
        object
    }
}

impl ImportProblem {
    fn new(row: usize, refusal: &Refusal) -> Self {
        let (field, detail) = match refusal {
            Refusal::Invalid { field, problem } => (Some(field.to_string()), problem.clone()),
            Refusal::NotFound { what: "user" } => (Some("owner".to_owned()), refusal.to_string()),
            Refusal::NotFound { what } => (Some((*what).to_owned()), refusal.to_string()),
            other => (None, other.to_string()),
        };
        Self { row, field, code: refusal.code(), detail }
    }
}

#[cfg(test)]
mod tests {
    use super::{ForeignKind, digest};

    #[test]
    fn a_digest_is_read_in_every_form_and_told_by_its_length() {
        let zeros = |length| "0".repeat(length);
        assert_eq!(digest(None, &zeros(64)), Some((ForeignKind::Sha256, vec![0; 32])));
        assert_eq!(digest(None, &zeros(128)), Some((ForeignKind::Sha512, vec![0; 64])));
        let padded = format!("{}=", "A".repeat(43));
        for text in ["A".repeat(43).as_str(), &padded] {
            assert_eq!(digest(None, text), Some((ForeignKind::Sha256, vec![0; 32])), "{text}");
        }
        assert_eq!(digest(None, &format!("_{}", "A".repeat(42))).map(|it| it.1[0]), Some(0xfc));
        for (kind, text) in [
            (Some(ForeignKind::Sha512), zeros(64)),
            (None, zeros(63)),
            (None, "g".repeat(64)),
            (None, String::new()),
        ] {
            assert_eq!(digest(kind, &text), None, "{text}");
        }
    }
}
