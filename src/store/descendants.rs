//! What a token has minted, and they in turn.

use std::collections::{HashSet, VecDeque};

use super::rows::{ReadError, Rows};
use crate::core::id::TokenId;

/// A token that another one has minted, or one that it minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descendant {
    /// Which.
    pub id: TokenId,
    /// How many mintings lie between: 1 for what the token itself has minted.
    pub depth: u32,
}

impl Rows<'_> {
    /// All that a token has minted and they in turn, the deleted ones too, in no order; `None` where they are more than
    /// `most`. What a token minted that another has taken the place of counts as that one's.
    ///
    /// It goes by what the rows say without believing them, so that an edited row hides none of those below it.
    pub fn descendants(&self, root: TokenId, most: usize) -> Result<Option<Vec<Descendant>>, ReadError> {
        let mut found = Vec::new();
        // Each is met once, however the rows refer to one another.
        let mut met = HashSet::from([root]);
        let mut waiting = VecDeque::from([Descendant { id: root, depth: 0 }]);
        while let Some(Descendant { id, depth }) = waiting.pop_front() {
            for minter in self.line(id)? {
                let minted = self.all(
                    "SELECT id FROM tokens INDEXED BY tokens_by_minter WHERE minted_by_token = ?",
                    [minter],
                    |row| row.get::<_, TokenId>(0),
                )?;
                for id in minted.into_iter().filter(|id| met.insert(*id)) {
                    if found.len() == most {
                        return Ok(None);
                    }
                    let descendant = Descendant { id, depth: depth + 1 };
                    found.push(descendant);
                    waiting.push_back(descendant);
                }
            }
        }
        Ok(Some(found))
    }

    /// A token, and those that it has taken the place of.
    fn line(&self, token: TokenId) -> Result<Vec<TokenId>, ReadError> {
        let mut line = vec![token];
        let mut last = token;
        while let Some(before) = self.one(
            "SELECT old.id FROM tokens AS new JOIN tokens AS old ON old.id = new.replaces
             WHERE new.id = ? AND old.superseded_by = new.id",
            [last],
            |row| row.get(0),
        )? {
            if line.contains(&before) {
                break;
            }
            line.push(before);
            last = before;
        }
        Ok(line)
    }
}
