//! What a token was used from, and what was demanded of it.

use super::{
    privilege::{Privilege, Privileges},
    time::{DAY, Instant},
};

/// How many sources of one token are told apart. Those used longest ago stand together as [`Source::OTHERS`].
pub const SOURCES: u32 = 64;

/// How long a source or a demand is kept after the last time, in milliseconds.
pub const KEPT_FOR: i64 = 30 * DAY;

/// Where a token was used from: what has this address and this agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address; `None` over a Unix socket, and [`Source::OTHERS`] for all that aren't told apart.
    pub address: Option<String>,
    /// The `User-Agent`, cut short.
    pub agent: Option<String>,
    /// The first use that is kept.
    pub first_at: Instant,
    /// The last one.
    pub last_at: Instant,
    /// How many.
    pub count: u64,
}

impl Source {
    /// What stands as the address of all sources that aren't told apart.
    pub const OTHERS: &'static str = "others";

    /// The same uses, from nowhere in particular.
    #[must_use]
    pub fn among_others(self) -> Self {
        Self { address: Some(Self::OTHERS.to_owned()), agent: None, ..self }
    }
}

/// A token's last use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When that was.
    pub at: Instant,
    /// The peer's address; `None` over a Unix socket, and once its owner is deleted.
    pub address: Option<String>,
    /// The `User-Agent`, cut short; `None` where there was none, and once its owner is deleted.
    pub agent: Option<String>,
}

impl LastUse {
    /// The same, without what is personal.
    #[must_use]
    pub fn anonymous(self) -> Self {
        Self { address: None, agent: None, ..self }
    }
}

/// What was demanded of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Privileges, and when each was last demanded.
    pub privileges: Vec<(String, Instant)>,
    /// When it was last asked about by somebody who didn't say for what.
    pub openly: Option<Instant>,
}

impl Demands {
    /// Whether nothing was demanded.
    pub const fn is_empty(&self) -> bool {
        self.privileges.is_empty() && self.openly.is_none()
    }

    fn demanded(&self) -> impl Iterator<Item = Privilege> {
        self.privileges.iter().filter_map(|(privilege, _)| privilege.parse().ok())
    }

    /// Those of `granted` by which nothing was met that was demanded.
    pub fn never(&self, granted: &Privileges) -> Privileges {
        let unmet = |held: &&Privilege| !self.demanded().any(|demanded| held.covers(&demanded));
        granted.iter().filter(unmet).cloned().collect()
    }

    /// The least that meets all that was demanded and that `granted` meets.
    pub fn to_used(&self, granted: &Privileges) -> Privileges {
        let met: Privileges = self.demanded().filter(|demanded| granted.cover(demanded)).collect();
        // Without what another member already says.
        met.meet(&met)
    }
}

#[cfg(test)]
mod tests {
    use super::{Demands, Instant, Privileges};

    #[test]
    fn what_was_demanded_tells_what_is_needed() {
        let set = |text| Privileges::from_stored(text).unwrap();
        for (granted, demanded, never, to_used) in [
            ("orders:*", "orders:read", "", "orders:read"),
            ("orders:* bills:read", "orders:read orders:write", "bills:read", "orders:read orders:write"),
            ("*:*", "", "*:*", ""),
            ("*:* orders:read", "orders:read", "", "orders:read"),
            ("orders:*", "orders:* orders:read", "", "orders:*"),
            ("orders:read", "orders:*", "orders:read", ""),
            ("orders:read", "orders:write jeton:admin", "orders:read", ""),
            ("*:* jeton:admin", "jeton:admin a:b", "", "a:b jeton:admin"),
            ("*:* jeton:admin jeton:introspect", "jeton:introspect", "*:* jeton:admin", "jeton:introspect"),
        ] {
            let privileges = demanded.split_whitespace().map(|it| (it.to_owned(), Instant::from_millis(1)));
            let demands = Demands { privileges: privileges.collect(), openly: None };
            assert_eq!(demands.never(&set(granted)), set(never), "{granted} | {demanded}");
            assert_eq!(demands.to_used(&set(granted)), set(to_used), "{granted} | {demanded}");
        }
    }
}
