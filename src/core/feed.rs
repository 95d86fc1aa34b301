//! A feed of what expires: a key that a calendar program has in its URL, which reads that and nothing else.

use super::{
    id::{FeedId, OrganizationId, UserId},
    time::Instant,
};

/// How many feeds a user may have.
pub const MOST: usize = 20;

/// How many expiries a feed shows at the most, the next ones first.
pub const LONGEST: u32 = 5_000;

/// A feed. Whether it is read is decided anew each time, by what its user is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// What it is known by where it is shown; it opens nothing.
    pub id: FeedId,
    /// In whose name it is read.
    pub user: UserId,
    /// Of all tokens in this organization, while the user administers it; `None` of the user's own, wherever they are.
    pub organization: Option<OrganizationId>,
    /// When it was made.
    pub created_at: Instant,
}
